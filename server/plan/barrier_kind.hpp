#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/config/analysis/kinds.hpp"
#include "common/model/layer_table.hpp"
#include "server/plan/curve_builder.hpp"
#include "server/plan/targets.hpp"

namespace fedstrata {

/// The stored models that an analysis of one round looks at.
struct StoredRound {
  std::int64_t round = 0;
  std::vector<std::int64_t> participants;  ///< ascending
  /// Parameters [P] of a participant's model.
  std::function<std::vector<float>(std::int64_t client)> read;
};

/// One kind of barrier with its arguments: which models are compared, and how barriers follow from
/// losses at points between them. A kind is a class in a file of server/plan/kinds. Constant once
/// made; the same on every rank.
///
/// A kind makes curves in up to three places, each of which may stay empty: for a pair of models,
/// for all participants against their mean (analysis.pairs = clients), and once a round, whatever
/// the pairs are.
class BarrierKind {
 public:
  explicit BarrierKind(std::string text) : text_(std::move(text)) {}
  BarrierKind(BarrierKind const&) = delete;
  BarrierKind& operator=(BarrierKind const&) = delete;
  virtual ~BarrierKind() = default;

  /// As in `analysis.kinds`.
  std::string const& text() const { return text_; }

  /// Throws InputError, which begins with `source`, where the settings alone show that the kind
  /// cannot be computed.
  virtual void check(Config const&, std::string const& /*source*/) const {}
  /// Throws InputError where the stored models of a round cannot be compared in this way.
  virtual void check_models(StoredRound const&, LayerTable const&) const {}
  /// Stored rounds with all of the round's participants that the kind needs at least; 0: none but
  /// the round itself.
  virtual std::size_t stored_rounds() const { return 0; }

  /// The sets of layers that are compared, in the order of the curves. Throws InputError for a
  /// model that has no such layers.
  virtual std::vector<Target> targets(LayerTable const& table, std::uint64_t seed) const = 0;
  /// Does it compare models with random ones, or random choices of models? Such curves come after
  /// all others of a pair.
  virtual bool drawn() const { return false; }
  /// Does it make curves of pairs only? Then it is refused where there are none (analysis.pairs =
  /// clients).
  virtual bool needs_pairs() const { return true; }
  /// Is it computed a second time, with the units of b in the order of a's (analysis.align)?
  virtual bool alignable() const { return false; }

  /// The curves of a pair. Rows are labelled `prefix` and the kind's label.
  virtual void add_pair(CurveBuilder&, Group&, Ends const&, std::vector<Target> const&,
                        std::string const& /*prefix*/) const {}
  /// The curves of all participants against their weighted mean.
  virtual void add_clients(CurveBuilder&, Group&, AllClients const&,
                           std::vector<Target> const&) const {}
  /// The curves that belong to no pair.
  virtual void add_round(CurveBuilder&, Group&, std::vector<Target> const&) const {}

 private:
  std::string text_;
};

}  // namespace fedstrata
