#pragma once
#include <compare>
#include <cstddef>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

namespace fedstrata {

/// What a layer's tensors are at an evaluated point: those of a model, or those on the straight
/// line between two. Models are indices into a list that the caller keeps.
struct Blend {
  int from = 0;
  int to = 0;           ///< equal to `from`: the model's own tensors
  double step = 0.0;    ///< 0 = `from`, 1 = `to`; outside of [0, 1] the line goes on
  int statistics = -1;  ///< model whose float buffers are used; -1: blended like the parameters
  auto operator<=>(Blend const&) const = default;
};

/// The blend at `alpha` between two models, in the one form that compares equal for equal places:
/// ends are the models' own, and the lower index comes first.
Blend blend(int a, int b, double alpha, int statistics = -1);

/// Places to be evaluated, each a choice of one blend for every layer. Equal places are one point.
class PointSet {
 public:
  /// Index of a blend.
  int add(Blend const& blend);
  /// Index of the point; `blends`: an index of a blend for each layer.
  int add(std::vector<int> const& blends);

  std::size_t size() const { return points_.size(); }
  std::vector<int> const& point(int index) const {
    return points_[static_cast<std::size_t>(index)];
  }
  std::vector<Blend> const& blends() const { return blends_; }

 private:
  std::vector<Blend> blends_;
  std::map<Blend, int> blend_index_;
  std::vector<std::vector<int>> points_;
  std::unordered_multimap<std::size_t, int> point_index_;  ///< by hash: they are long, and alike
};

/// What the tree needs to know of a step of the forward pass.
struct StageShape {
  std::vector<int> layers;  ///< whose tensors the step uses
  bool affine = false;      ///< is its output affine in them?
  double cost = 0.0;        ///< its multiply-adds for one sample
  std::size_t stack = 1;    ///< models that may be stacked along the batch from here on
  double tail_cost = 0.0;   ///< multiply-adds of what follows, up to the next step
};

/// The forward passes of many points with their common work done once: points that agree in all
/// layers up to a stage share what leads to it, an affine stage's output on a line is the lerp of
/// the outputs at the line's models, and points that differ so far but agree in all that remains
/// are stacked along the batch. A pure function of points and stages.
struct EvaluationTree {
  /// The stage with these blends for its layers, applied to the node's input.
  using Product = std::vector<int>;
  /// One member of a stack: a product, or the lerp of two.
  struct Output {
    int product = 0;
    int other = -1;  ///< -1: the product itself
    double step = 0.0;
  };
  /// What continues together.
  struct Branch {
    std::vector<Output> outputs;
    std::size_t node = 0;  ///< whose input they are, once through the stage's tail
  };
  /// Input of a stage for `stack` models one after another; after the last stage, a leaf.
  struct Node {
    std::size_t stage = 0;
    std::size_t stack = 1;
    std::vector<Product> products;
    std::vector<Branch> branches;
    std::vector<int> points;  ///< leaf: the point of each member of the stack
  };
  std::vector<Node> nodes;  ///< the first is the root

  /// For one sample.
  double multiply_adds(std::span<StageShape const> stages) const;
};

/// `points`: indices into `set` (without repetition, at least one).
EvaluationTree build_tree(PointSet const& set, std::span<int const> points,
                          std::span<StageShape const> stages);

}  // namespace fedstrata
