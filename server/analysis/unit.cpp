#include "server/analysis/unit.hpp"

#include <numeric>
#include <string>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

/// Takes numbers off the front of a list.
class Reader {
 public:
  Reader(std::vector<double> const& values, std::size_t expected) : values_(values) {
    require(values.size() == expected, "a unit's result has " + std::to_string(values.size()) +
                                           " numbers instead of " + std::to_string(expected));
  }
  double number() { return values_[next_++]; }
  Value value() {
    double const loss = number();
    return {loss, number()};
  }

 private:
  std::vector<double> const& values_;
  std::size_t next_ = 0;
};

void put(std::vector<double>& values, std::vector<Value> const& more) {
  for (auto const& one : more) values.insert(values.end(), {one.loss, one.error});
}

std::vector<double> numbers(ComparisonResult const& result) {
  std::vector<double> values;
  for (auto const& layer : result.layers) {
    values.insert(values.end(),
                  {layer.squared_distance, layer.dot, layer.squared_a, layer.squared_b});
  }
  return values;
}

std::vector<double> numbers(AlignmentResult const& result) {
  return {result.orders.begin(), result.orders.end()};
}

std::vector<double> numbers(PointsResult const& result) {
  std::vector<double> values;
  put(values, result.points);
  for (auto const& curve : result.squares) put(values, curve);
  values.insert(values.end(), {result.multiply_adds, result.plain_multiply_adds});
  return values;
}

}  // namespace

std::vector<double> packed(UnitResult const& result) {
  return std::visit([](auto const& one) { return numbers(one); }, result);
}

ComparisonResult unpacked_comparison(std::vector<double> const& values, std::size_t layers) {
  Reader reader(values, 4 * layers);
  ComparisonResult result;
  for (std::size_t l = 0; l < layers; ++l) {
    Products layer;
    for (auto* number : {&layer.squared_distance, &layer.dot, &layer.squared_a, &layer.squared_b}) {
      *number = reader.number();
    }
    result.layers.push_back(layer);
  }
  return result;
}

AlignmentResult unpacked_alignment(std::vector<double> const& values, std::size_t units) {
  Reader reader(values, units);
  AlignmentResult result;
  for (std::size_t i = 0; i < units; ++i) {
    result.orders.push_back(static_cast<std::int64_t>(reader.number()));
  }
  return result;
}

PointsResult unpacked_points(std::vector<double> const& values, std::size_t points,
                             std::vector<std::size_t> const& squares) {
  auto const pairs = points + std::reduce(squares.begin(), squares.end());
  Reader reader(values, 2 * pairs + 2);
  PointsResult result;
  for (std::size_t i = 0; i < points; ++i) result.points.push_back(reader.value());
  for (auto const count : squares) {
    auto& curve = result.squares.emplace_back();
    for (std::size_t i = 0; i < count; ++i) curve.push_back(reader.value());
  }
  result.multiply_adds = reader.number();
  result.plain_multiply_adds = reader.number();
  return result;
}

}  // namespace fedstrata
