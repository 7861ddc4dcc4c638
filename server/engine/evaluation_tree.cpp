// Points that agree in the layers of the first stages go through them together; where they part,
// each branch goes on alone, and branches that agree in everything that is left are joined again,
// stacked along the batch. The tree is built from the root by sorting points into branches by the
// blends of the next stage; what is left to do decides which of them may be stacked. It is a pure
// function of points and stages, so that every rank builds the same one and the bits do not depend
// on who evaluates it.
#include "server/engine/evaluation_tree.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace fedstrata {
namespace {

constexpr std::size_t kHashFactor = 0x100000001b3;  // of FNV-1a

/// Points that agree in all that remains, one for each member of a stack.
struct Rest {
  int any = 0;  ///< one of them, to look up what remains
  std::vector<int> points;
};

/// Rests that begin with the same tensors for the stage at hand.
struct Class {
  std::vector<int> version;  ///< a blend for each of the stage's layers
  std::vector<Rest> rests;
};

class Builder {
 public:
  Builder(PointSet const& set, std::span<StageShape const> stages) : set_(set), stages_(stages) {}

  EvaluationTree build(std::span<int const> points) {
    std::vector<Rest> rests;
    for (int const point : points) rests.push_back({point, {point}});
    add_node(0, 1, std::move(rests));
    return std::move(tree_);
  }

 private:
  std::vector<int> version(int point, std::size_t stage) const {
    std::vector<int> blends;
    for (int const layer : stages_[stage].layers) {
      blends.push_back(set_.point(point)[static_cast<std::size_t>(layer)]);
    }
    return blends;
  }

  bool same_rest(int a, int b, std::size_t from) const {
    for (std::size_t s = from; s < stages_.size(); ++s) {
      for (int const layer : stages_[s].layers) {
        auto const l = static_cast<std::size_t>(layer);
        if (set_.point(a)[l] != set_.point(b)[l]) return false;
      }
    }
    return true;
  }

  bool same_rests(Class const& a, Class const& b, std::size_t from) const {
    return std::ranges::equal(a.rests, b.rests, [&](auto const& x, auto const& y) {
      return same_rest(x.any, y.any, from);
    });
  }

  std::vector<Class> classes(std::size_t stage, std::vector<Rest> rests) const {
    std::map<std::vector<int>, std::size_t> index;
    std::vector<Class> result;
    for (auto& rest : rests) {
      auto const key = version(rest.any, stage);
      auto const [at, fresh] = index.try_emplace(key, result.size());
      if (fresh) result.push_back({key, {}});
      result[at->second].rests.push_back(std::move(rest));
    }
    return result;
  }

  /// Classes that can be stacked: all that follows is the same for them.
  std::vector<std::vector<Class const*>> stacks(std::vector<Class> const& all, std::size_t stage,
                                                std::size_t stack) const {
    auto const limit = std::max<std::size_t>(1, stages_[stage].stack / stack);
    std::vector<std::vector<Class const*>> result;
    for (auto const& one : all) {
      auto const fits = std::ranges::find_if(result, [&](auto const& others) {
        return others.size() < limit && same_rests(*others.front(), one, stage + 1);
      });
      if (fits == result.end())
        result.push_back({&one});
      else
        fits->push_back(&one);
    }
    return result;
  }

  std::size_t add_node(std::size_t stage, std::size_t stack, std::vector<Rest> rests) {
    auto const index = tree_.nodes.size();
    tree_.nodes.push_back({stage, stack, {}, {}, {}});
    if (stage == stages_.size()) {
      tree_.nodes[index].points = std::move(rests.front().points);
      return index;
    }
    auto const all = classes(stage, std::move(rests));
    StageProducts products(set_, stages_[stage].affine, all);
    std::vector<EvaluationTree::Branch> branches;
    for (auto const& members : stacks(all, stage, stack)) {
      EvaluationTree::Branch branch;
      for (auto const* member : members) branch.outputs.push_back(products.output(*member));
      branch.node = add_node(stage + 1, stack * members.size(), join(members));
      branches.push_back(std::move(branch));
    }
    tree_.nodes[index].products = products.take();
    tree_.nodes[index].branches = std::move(branches);
    return index;
  }

  static std::vector<Rest> join(std::vector<Class const*> const& members) {
    auto rests = members.front()->rests;
    for (std::size_t m = 1; m < members.size(); ++m) {
      for (std::size_t i = 0; i < rests.size(); ++i) {
        auto const& more = members[m]->rests[i].points;
        rests[i].points.insert(rests[i].points.end(), more.begin(), more.end());
      }
    }
    return rests;
  }

  /// Which products a node computes, and how its classes follow from them.
  class StageProducts {
   public:
    StageProducts(PointSet const& set, bool affine, std::vector<Class> const& all) : set_(set) {
      if (affine) choose_lines(all);
    }

    EvaluationTree::Output output(Class const& one) {
      if (one.version.size() == 1) {
        auto const& blend = blend_of(one.version.front());
        if (lerped_.contains({blend.from, blend.to}) && blend.from != blend.to) {
          return {product(own(blend.from)), product(own(blend.to)), blend.step};
        }
        if (blend.from == blend.to) return {product(own(blend.from, one.version.front())), -1, 0.0};
      }
      return {product(one.version), -1, 0.0};
    }

    std::vector<EvaluationTree::Product> take() { return std::move(products_); }

   private:
    using Line = std::pair<int, int>;

    Blend const& blend_of(int index) const {
      return set_.blends()[static_cast<std::size_t>(index)];
    }

    /// Lines on which two products at the models give all points for less than a product each.
    void choose_lines(std::vector<Class> const& all) {
      std::set<int> ends;
      std::map<Line, int> interior;
      for (auto const& one : all) {
        auto const& blend = blend_of(one.version.front());
        if (blend.from == blend.to) {
          ends.insert(blend.from);
          own_[blend.from] = one.version.front();
        } else {
          ++interior[{blend.from, blend.to}];
        }
      }
      for (auto const& [line, count] : interior) {
        auto const missing =
            (ends.contains(line.first) ? 0 : 1) + (ends.contains(line.second) ? 0 : 1);
        if (missing >= count) continue;
        lerped_.insert(line);
        ends.insert({line.first, line.second});
      }
    }

    /// The version of one model's own tensors. A model that is only the end of a line has no index
    /// of its own among the blends: ~model stands for it.
    std::vector<int> own(int model, int index) {
      own_[model] = index;
      return {index};
    }
    std::vector<int> own(int model) const {
      auto const known = own_.find(model);
      return {known != own_.end() ? known->second : ~model};
    }

    int product(std::vector<int> const& version) {
      auto const [at, fresh] = index_.try_emplace(version, static_cast<int>(products_.size()));
      if (fresh) products_.push_back(version);
      return at->second;
    }

    PointSet const& set_;
    std::set<Line> lerped_;
    std::map<int, int> own_;
    std::map<std::vector<int>, int> index_;
    std::vector<EvaluationTree::Product> products_;
  };

  PointSet const& set_;
  std::span<StageShape const> stages_;
  EvaluationTree tree_;
};

}  // namespace

Blend blend(int a, int b, double alpha, int statistics) {
  if (a == b || alpha == 0.0) return {a, a, 0.0, statistics == a ? -1 : statistics};
  if (alpha == 1.0) return {b, b, 0.0, statistics == b ? -1 : statistics};
  if (a < b) return {a, b, alpha, statistics};
  return {b, a, 1.0 - alpha, statistics};
}

int PointSet::add(Blend const& blend) {
  auto const [at, fresh] = blend_index_.try_emplace(blend, static_cast<int>(blends_.size()));
  if (fresh) blends_.push_back(blend);
  return at->second;
}

int PointSet::add(std::vector<int> const& blends) {
  std::size_t hash = 0;
  for (int const blend : blends) hash = (hash ^ static_cast<std::size_t>(blend)) * kHashFactor;
  auto const [first, last] = point_index_.equal_range(hash);
  for (auto known = first; known != last; ++known)
    if (point(known->second) == blends) return known->second;
  int const index = static_cast<int>(points_.size());
  point_index_.emplace(hash, index);
  points_.push_back(blends);
  return index;
}

double EvaluationTree::multiply_adds(std::span<StageShape const> stages) const {
  double sum = 0.0;
  for (auto const& node : nodes) {
    auto const products = static_cast<double>(node.products.size() * node.stack);
    if (node.stage < stages.size()) sum += products * stages[node.stage].cost;
    if (node.stage > 0) sum += static_cast<double>(node.stack) * stages[node.stage - 1].tail_cost;
  }
  return sum;
}

EvaluationTree build_tree(PointSet const& set, std::span<int const> points,
                          std::span<StageShape const> stages) {
  return Builder(set, stages).build(points);
}

}  // namespace fedstrata
