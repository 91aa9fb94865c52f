#include "tools/simulate/svg_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace troupe::simulate {
namespace {

constexpr double kWidth = 560, kHeight = 300;
constexpr double kLeft = 62, kRight = 14, kBottom = 46;
constexpr int kRows = 5;                         // about so many ticks on the y axis
constexpr double kLegend = 26, kLegendRow = 14;  // the first row's height on the page, and a row's

// Okabe and Ito's colours, which colour-blind readers tell apart, and dashes, which a grey printer does.
constexpr std::array<const char*, 6> kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"};
constexpr std::array<const char*, 6> kDashes{"", "7 3", "2 2", "9 3 2 3", "4 4", "1 3"};
// Marks about their point, one fewer than dashes, so that thirty lines differ. Lines of more points than kMostMarked
// are curves, and marks would only blot them.
constexpr std::array<const char*, 5> kMarks{"m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", "m-2.7 -2.7h5.4v5.4h-5.4z",
                                            "m0 -3.6l3.4 5.9h-6.8z", "m0 -3.9l3.9 3.9l-3.9 3.9l-3.9 -3.9z",
                                            "m-3.2 0h6.4m-3.2 -3.2v6.4"};
constexpr std::size_t kMostMarked = 30;

/// The round number of which about `count` make up `low` to `high`.
double round_step(double low, double high, int count) {
  const double rough = (high - low) / count;
  const double decade = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (decade * factor >= rough) return decade * factor;
  return decade * 10;
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// The plot's data space, and its place on the page.
struct Frame {
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  bool log_x = false;
  double top = 38;

  double along(double x) const { return log_x ? std::log10(x) : x; }
  double page_x(double x) const {
    return kLeft + (along(x) - along(x_low)) / (along(x_high) - along(x_low)) * (kWidth - kLeft - kRight);
  }
  double page_y(double y) const {
    return kHeight - kBottom - (y - y_low) / (y_high - y_low) * (kHeight - top - kBottom);
  }
};

bool is_shown(const Plot& plot, const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second) && (!plot.log_x || point.first > 0);
}

/// Nothing where no point can be shown.
bool find_frame(const Plot& plot, Frame& frame) {
  bool any = false;
  for (const auto& line : plot.lines) {
    for (const auto& point : line.points) {
      if (!is_shown(plot, point)) continue;
      if (!any) frame = {point.first, point.first, point.second, point.second, plot.log_x, frame.top};
      any = true;
      frame.x_low = std::min(frame.x_low, point.first);
      frame.x_high = std::max(frame.x_high, point.first);
      frame.y_low = std::min(frame.y_low, point.second);
      frame.y_high = std::max(frame.y_high, point.second);
    }
  }
  frame.log_x = plot.log_x;
  if (plot.from_zero) frame.y_low = std::min(frame.y_low, 0.0);
  if (!(frame.x_high > frame.x_low)) frame.x_high = plot.log_x ? frame.x_low * 10 : frame.x_low + 1;
  if (!(frame.y_high > frame.y_low)) frame.y_high = frame.y_low + 1;
  // The highest line is under a round number, not on the edge of the plot.
  const double step = round_step(frame.y_low, frame.y_high, kRows);
  frame.y_high = std::ceil(frame.y_high / step - 1e-9) * step;
  return any;
}

std::string text_at(double x, double y, const char* anchor, const std::string& text, const char* more = "") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\" " + more + ">" +
         escaped(text) + "</text>\n";
}

std::string line_from(double x1, double y1, double x2, double y2, const char* colour) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) +
         "\" stroke=\"" + colour + "\"/>\n";
}

std::vector<double> x_ticks(const Frame& frame) {
  if (!frame.log_x) return round_ticks(frame.x_low, frame.x_high, 7);
  std::vector<double> out;
  for (double decade = std::floor(std::log10(frame.x_low)); decade <= std::ceil(std::log10(frame.x_high)); ++decade)
    for (const double step : {1.0, 3.0})
      if (const double x = step * std::pow(10.0, decade); x >= frame.x_low && x <= frame.x_high) out.push_back(x);
  return out;
}

std::string axes(const Plot& plot, const Frame& frame) {
  std::string out;
  for (const double x : x_ticks(frame)) {
    out += line_from(frame.page_x(x), frame.top, frame.page_x(x), kHeight - kBottom, "#ddd");
    out += text_at(frame.page_x(x), kHeight - kBottom + 15, "middle", number(x));
  }
  for (const double y : round_ticks(frame.y_low, frame.y_high, kRows)) {
    out += line_from(kLeft, frame.page_y(y), kWidth - kRight, frame.page_y(y), "#ddd");
    out += text_at(kLeft - 6, frame.page_y(y) + 4, "end", number(y));
  }
  out += line_from(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "#333");
  out += line_from(kLeft, frame.top, kLeft, kHeight - kBottom, "#333");
  out += text_at((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", plot.x_label);
  out += "<g transform=\"translate(14 " + number((frame.top + kHeight - kBottom) / 2) + ") rotate(-90)\">" +
         text_at(0, 0, "middle", plot.y_label) + "</g>\n";
  return out;
}

std::string style_of(std::size_t line) {
  return std::string(" fill=\"none\" stroke=\"") + kColours[line % kColours.size()] +
         "\" stroke-width=\"1.8\" stroke-dasharray=\"" + kDashes[line % kDashes.size()] + "\"";
}

bool is_marked(const PlotLine& line) { return !line.points.empty() && line.points.size() <= kMostMarked; }

/// The line's marks on its points, given as places on the page.
std::string marks(std::size_t line, const std::vector<std::pair<double, double>>& places) {
  std::string path;
  for (const auto& [x, y] : places) path += "M" + number(x) + " " + number(y) + kMarks[line % kMarks.size()];
  const std::string colour = kColours[line % kColours.size()];
  return "<path d=\"" + path + "\" fill=\"" + colour + "\" stroke=\"" + colour + "\"/>\n";
}

/// The names of the lines above the frame, in as many rows as they need, which the frame makes room for.
std::string legend(const Plot& plot, Frame& frame) {
  constexpr double kLetter = 6.2, kSample = 22, kGap = 18;
  std::string out;
  double x = kLeft, y = kLegend;
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    const auto& name = plot.lines[i].name;
    const double width = kSample + 4 + kLetter * static_cast<double>(name.size());
    if (x > kLeft && x + width > kWidth - kRight) {
      x = kLeft;
      y += kLegendRow;
    }
    out += "<path d=\"M" + number(x) + " " + number(y) + "h" + number(kSample) + "\"" + style_of(i) + "/>\n";
    if (is_marked(plot.lines[i])) out += marks(i, {{x + kSample / 2, y}});
    out += text_at(x + kSample + 4, y + 4, "start", name);
    x += width + kGap;
  }
  frame.top += y - kLegend;
  return out;
}

std::string drawn(const Plot& plot, const Frame& frame) {
  std::string out;
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    std::string path;
    std::vector<std::pair<double, double>> places;
    for (const auto& point : plot.lines[i].points) {
      if (!is_shown(plot, point)) continue;
      places.emplace_back(frame.page_x(point.first), frame.page_y(point.second));
      path += (path.empty() ? "M" : "L") + number(places.back().first) + " " + number(places.back().second);
    }
    if (!path.empty()) out += "<path d=\"" + path + "\"" + style_of(i) + "/>\n";
    if (is_marked(plot.lines[i])) out += marks(i, places);
  }
  return out;
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::vector<double> round_ticks(double low, double high, int count) {
  const double step = round_step(low, high, count);
  std::vector<double> out;
  for (double at = std::ceil(low / step); at <= std::floor(high / step) && out.size() < 50; ++at)
    out.push_back(at * step);
  return out;
}

std::string svg_plot(const Plot& plot) {
  auto out = "<svg viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) +
             "\" role=\"img\" font-family=\"sans-serif\" font-size=\"11\">\n<title>" + escaped(plot.title) +
             "</title>\n";
  out += text_at(kLeft, 14, "start", plot.title, "font-weight=\"bold\" font-size=\"13\"");
  Frame frame;
  if (find_frame(plot, frame)) {
    out += legend(plot, frame);
    out += axes(plot, frame);
    out += drawn(plot, frame);
  } else {
    out += text_at(kWidth / 2, kHeight / 2, "middle", "no data");
  }
  return out + "</svg>\n";
}

}  // namespace troupe::simulate
