#include <algorithm>
#include <array>
#include <span>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/config.hpp"
#include "common/federation/schedule.hpp"
#include "server/math/geometry.hpp"
#include "server/plan/kinds/kinds.hpp"

namespace fedstrata {
namespace {

constexpr double kLow = -0.5, kHigh = 1.5;  // of both axes
constexpr std::int64_t kLargestId = std::int64_t{1} << 40;

using Clients = std::array<std::int64_t, 3>;

/// The plane through three clients' models, or in one layer, where the others are the first's.
class PlaneKind final : public BarrierKind {
 public:
  PlaneKind(std::string const& text, Clients const& clients, std::string layer)
      : BarrierKind(text), clients_(clients), layer_(std::move(layer)) {}

  void check(Config const& config, std::string const& source) const override {
    for (auto const client : clients_) {
      require_input(
          client < config.data.clients,
          source + ": analysis.kinds: " + text() + " names client " + std::to_string(client) +
              ", but data.clients = " + std::to_string(config.data.clients) + " (ids from 0)");
    }
  }

  /// Three models on one line span no plane.
  void check_models(StoredRound const& stored, LayerTable const& table) const override {
    if (absent(stored.participants) != clients_.end()) return;
    std::array<std::vector<float>, 3> rows;
    std::ranges::transform(clients_, rows.begin(), stored.read);
    auto const layers = targets(table, 0).front().layers;
    auto const squared_distance = [&](std::size_t x, std::size_t y) {
      double sum = 0.0;
      for (int const l : layers) {
        auto const& slice = table.layers[static_cast<std::size_t>(l)].parameters;
        auto const part = [&](std::size_t i) {
          return std::span<float const>(rows[i]).subspan(static_cast<std::size_t>(slice.offset),
                                                         static_cast<std::size_t>(slice.size));
        };
        sum += products(part(x), part(y)).squared_distance;
      }
      return sum;
    };
    require_input(
        !on_one_line(squared_distance(0, 1), squared_distance(0, 2), squared_distance(1, 2)),
        "analysis.kinds: the models of clients " + std::to_string(clients_[0]) + ", " +
            std::to_string(clients_[1]) + " and " + std::to_string(clients_[2]) + " in round " +
            std::to_string(stored.round) + " lie on one line, so that " + text() +
            " is no plane; name three clients that differ");
  }

  bool needs_pairs() const override { return false; }

  std::vector<Target> targets(LayerTable const& table, std::uint64_t) const override {
    if (layer_.empty()) return {whole(table)};
    return {{layer_, select_layers(layer_, table, {}, "analysis.kinds (plane)")}};
  }

  void add_round(CurveBuilder& curves, Group& group,
                 std::vector<Target> const& targets) const override {
    auto const round = curves.plan().round;
    if (auto const missing = absent(curves.plan().participants); missing != clients_.end()) {
      return curves.skip({round, clients_[0], clients_[1],
                          "plane: client " + std::to_string(*missing) +
                              " did not take part in round " + std::to_string(round)});
    }
    add(curves, group, targets.front());
  }

 private:
  /// The first of the three that is not among `participants`.
  Clients::const_iterator absent(std::vector<std::int64_t> const& participants) const {
    return std::ranges::find_if_not(
        clients_, [&](auto id) { return std::ranges::binary_search(participants, id); });
  }

  void add(CurveBuilder& curves, Group& group, Target const& target) const {
    std::array<int, 3> models{};
    for (std::size_t i = 0; i < 3; ++i) models[i] = curves.model_a({clients_[i], kNobody});
    int const a = models[0], b = models[1], c = models[2];
    Curve curve;
    bool const all = target.layers.size() == curves.input().table.layers.size();
    curve.key = {.kind = "plane",
                 .target = target.name,
                 .a = clients_[0],
                 .b = clients_[1],
                 .rest = all ? kNobody : clients_[0]};
    curve.c = clients_[2];
    curve.plane_layers = target.layers;
    curve.end_a = {{curves.own_point(group, a), 1.0}};
    curve.end_b = {{curves.own_point(group, b), 1.0}};
    auto const points = curves.input().config.plane_points;
    auto const at = [&](std::int64_t i) {
      return kLow + (kHigh - kLow) * static_cast<double>(i) / static_cast<double>(points - 1);
    };
    for (std::int64_t j = 0; j < points; ++j) {
      auto const moved = [&](int from) {
        if (at(j) == 0.0) return from;
        return curves.model(
            {.kind = ModelSpec::Kind::plane, .base = from, .partner = a, .third = c, .v = at(j)});
      };
      int const from = moved(a), to = moved(b);
      Path const line{from, to, target.layers, all ? -1 : a};
      for (std::int64_t i = 0; i < points; ++i) {
        curve.plane.push_back({at(i), at(j), curves.place(group, line, at(i))});
      }
    }
    group.curves.push_back(std::move(curve));
  }

  Clients clients_;
  std::string layer_;  ///< "": all
};

}  // namespace

BarrierKindPtr make_plane(KindText const& kind) {
  auto const argument = kind.argument.value_or("");
  auto const colon = argument.find(':');
  auto const ids = split(argument.substr(0, colon), '-');
  require_input(
      ids.size() == 3,
      kind_problem("'" + kind.text + "' is not of the form plane:A-B-C or plane:A-B-C:LAYER"));
  Clients clients{};
  for (std::size_t i = 0; i < 3; ++i) clients[i] = kind_number(ids[i], kind, 0, kLargestId);
  auto const& [a, b, c] = clients;
  require_input(a != b && b != c && a != c,
                "analysis.kinds: '" + kind.text + "' names a client twice; a plane needs three.");
  return std::make_shared<PlaneKind>(kind.text, clients,
                                     colon == std::string::npos ? "" : argument.substr(colon + 1));
}

}  // namespace fedstrata
