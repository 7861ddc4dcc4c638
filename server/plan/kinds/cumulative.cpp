#include <algorithm>
#include <iterator>

#include "common/base/random.hpp"
#include "server/plan/kinds/kinds.hpp"
#include "server/plan/layer_set_kind.hpp"

namespace fedstrata {
namespace {

/// One more layer at a time, in one of four orders. A target bears the name of its last layer.
class CumulativeKind final : public LayerSetKind {
 public:
  explicit CumulativeKind(std::string const& text) : LayerSetKind(text, text) {}

  std::vector<Target> targets(LayerTable const& table, std::uint64_t seed) const override {
    std::vector<Target> result;
    std::vector<int> layers;
    for (int const layer : order(table, seed)) {
      layers.insert(std::ranges::upper_bound(layers, layer), layer);
      result.push_back({name_of(table, layer), layers});
    }
    return result;
  }

 private:
  /// From the input (shallow), from the output (deep), drawn from the seed (random), or first both
  /// ends of the network (minimal; Adilova et al. 2024, section 3).
  std::vector<int> order(LayerTable const& table, std::uint64_t seed) const {
    auto layers = all_layers(table);
    if (text().ends_with("deep")) std::ranges::reverse(layers);
    if (text().ends_with("random")) {
      std::vector<std::int64_t> shuffled(layers.begin(), layers.end());
      Random(seed, Purpose::layer_order).shuffle(shuffled);
      std::ranges::transform(shuffled, layers.begin(), [](auto l) { return static_cast<int>(l); });
    }
    if (text().ends_with("minimal")) {
      auto const ends = std::min(kMinimalEnds, std::ssize(layers) / 2);
      std::rotate(layers.begin() + ends, layers.end() - ends, layers.end());
    }
    return layers;
  }

  static constexpr std::ptrdiff_t kMinimalEnds = 5;  // layers at either end of the network
};

}  // namespace

BarrierKindPtr make_cumulative(KindText const& kind) {
  return std::make_shared<CumulativeKind>(kind.text);
}

}  // namespace fedstrata
