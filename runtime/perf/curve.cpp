#include "runtime/perf/curve.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace troupe::perf {

Curve::Curve(std::vector<CurvePoint> points) : points_(std::move(points)) {
  CHECK(points_.size() >= 2, points_.size());
  for (std::size_t i = 1; i < points_.size(); ++i) CHECK(points_[i - 1].x < points_[i].x, points_[i].x);
}

double Curve::at(double x) const {
  const auto found =
      std::lower_bound(points_.begin(), points_.end(), x, [](const CurvePoint& p, double to) { return p.x < to; });
  const auto above =
      std::clamp<std::ptrdiff_t>(found - points_.begin(), 1, static_cast<std::ptrdiff_t>(points_.size()) - 1);
  const CurvePoint& low = points_[static_cast<std::size_t>(above - 1)];
  const CurvePoint& high = points_[static_cast<std::size_t>(above)];
  const double slope = (high.seconds - low.seconds) / (high.x - low.x);
  return slope * (x - low.x) + low.seconds;
}

}  // namespace troupe::perf
