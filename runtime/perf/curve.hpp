// A piecewise linear function through measured points.
#pragma once

#include <vector>

namespace troupe::perf {

struct CurvePoint {
  double x = 0;
  double seconds = 0;
};

/// At least two points, x rising. Past either end the outermost segment goes on.
class Curve {
 public:
  /// The points must be as said (checked).
  explicit Curve(std::vector<CurvePoint> points);

  /// The same sum, in the same order, as SciPy's interp1d with fill_value="extrapolate": slope first, then times the
  /// distance from the left point. Splitwise's simulator computes with it, and ties between events depend on the last
  /// bit.
  double at(double x) const;

  const std::vector<CurvePoint>& points() const { return points_; }

 private:
  std::vector<CurvePoint> points_;
};

}  // namespace troupe::perf
