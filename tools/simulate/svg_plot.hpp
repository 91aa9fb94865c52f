// Line plots as SVG, for reports that are read on a screen and on paper: lines differ by dashes as well as by
// colour, and those of few points by marks on them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace troupe::simulate {

struct PlotLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< by rising x; what is not finite breaks nothing and is left out
};

struct Plot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<PlotLine> lines;
  bool log_x = false;     ///< then points at or below 0 are left out
  bool from_zero = true;  ///< the y axis begins at 0
};

/// One <svg> element. Without points, the axes and the words "no data".
std::string svg_plot(const Plot& plot);

/// The text with &, <, >, " and ' replaced, as HTML and SVG want it.
std::string escaped(const std::string& text);

/// About `count` round numbers that cover `low` to `high` (low < high).
std::vector<double> round_ticks(double low, double high, int count);

}  // namespace troupe::simulate
