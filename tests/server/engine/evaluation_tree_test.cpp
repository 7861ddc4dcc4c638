#include "server/engine/evaluation_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace fedstrata {
namespace {

/// A chain of stages of one layer each, of cost 1.
std::vector<StageShape> chain(std::size_t layers, bool affine = true, std::size_t stack = 100) {
  std::vector<StageShape> stages;
  for (std::size_t l = 0; l < layers; ++l)
    stages.push_back({{static_cast<int>(l)}, affine, 1.0, stack});
  return stages;
}

/// A point given by one blend for each layer.
int add(PointSet& set, std::vector<Blend> const& blends) {
  std::vector<int> indices;
  for (auto const& one : blends) indices.push_back(set.add(one));
  return set.add(indices);
}

std::vector<int> all(PointSet const& set) {
  std::vector<int> points(set.size());
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = static_cast<int>(i);
  return points;
}

Blend const kA = blend(0, 0, 0.0), kB = blend(1, 1, 0.0), kMid = blend(0, 1, 0.5);

/// Layer l of `base` replaced.
std::vector<Blend> with(std::size_t layers, Blend const& base, std::size_t l, Blend const& other) {
  std::vector<Blend> blends(layers, base);
  blends[l] = other;
  return blends;
}

/// Every point is at exactly one leaf, and what the path there computes is what the point says.
void expect_right(EvaluationTree const& tree, PointSet const& set,
                  std::vector<StageShape> const& stages) {
  std::multiset<int> reached;
  struct Reader {
    EvaluationTree const& tree;
    PointSet const& set;
    std::vector<StageShape> const& stages;
    std::multiset<int>& reached;

    Blend blend_of(EvaluationTree::Output const& output, EvaluationTree::Node const& node) const {
      auto const own = [&](int product) {
        int const version = node.products[static_cast<std::size_t>(product)].front();
        return version < 0 ? Blend{~version, ~version}
                           : set.blends()[static_cast<std::size_t>(version)];
      };
      if (output.other < 0) return own(output.product);
      return blend(own(output.product).from, own(output.other).from, output.step);
    }

    void walk(std::size_t index, std::vector<std::vector<Blend>> members) const {
      auto const& node = tree.nodes[index];
      ASSERT_EQ(members.size(), node.stack);
      if (node.stage == stages.size()) {
        ASSERT_EQ(node.points.size(), members.size());
        for (std::size_t i = 0; i < members.size(); ++i) {
          reached.insert(node.points[i]);
          for (std::size_t l = 0; l < members[i].size(); ++l) {
            auto const wanted = static_cast<std::size_t>(set.point(node.points[i])[l]);
            EXPECT_EQ(members[i][l], set.blends()[wanted]);
          }
        }
        return;
      }
      for (auto const& branch : node.branches) {
        std::vector<std::vector<Blend>> next;
        for (auto const& output : branch.outputs) {
          for (auto member : members) {
            member.push_back(blend_of(output, node));
            next.push_back(std::move(member));
          }
        }
        walk(branch.node, std::move(next));
      }
    }
  };
  Reader{tree, set, stages, reached}.walk(0, {{}});
  EXPECT_EQ(reached.size(), set.size());
  EXPECT_EQ(std::set<int>(reached.begin(), reached.end()).size(), set.size());
}

TEST(evaluation_tree, equal_places_are_one_blend_and_one_point) {
  EXPECT_EQ(blend(0, 1, 0.0), kA);
  EXPECT_EQ(blend(0, 1, 1.0), kB);
  EXPECT_EQ(blend(1, 0, 0.25), blend(0, 1, 0.75));
  EXPECT_EQ(blend(0, 1, 1.0, 1), kB);
  EXPECT_NE(blend(0, 1, 1.0, 0), kB);
  PointSet set;
  EXPECT_EQ(add(set, {kA, kB}), add(set, {blend(1, 0, 1.0), blend(0, 1, 1.0)}));
  EXPECT_EQ(set.size(), 1u);
}

TEST(evaluation_tree, layer_paths_share_what_comes_before_and_affine_products) {
  constexpr std::size_t kLayers = 6;
  PointSet set;
  add(set, std::vector<Blend>(kLayers, kA));
  for (std::size_t l = 0; l < kLayers; ++l) {
    add(set, with(kLayers, kA, l, kMid));
    add(set, with(kLayers, kA, l, kB));
  }
  auto const stages = chain(kLayers);
  auto const tree = build_tree(set, all(set), stages);
  expect_right(tree, set, stages);
  // The base once, one product more for each layer, and both outputs through what remains.
  EXPECT_EQ(tree.multiply_adds(stages), 6 + 6 + 2 * (5 + 4 + 3 + 2 + 1));
  // Without affinity the midpoint of each layer needs a product of its own.
  auto const general = chain(kLayers, false);
  EXPECT_EQ(build_tree(set, all(set), general).multiply_adds(general), 6 + 12 + 2 * 15);
}

TEST(evaluation_tree, cumulative_paths_share_the_interpolated_layers) {
  constexpr std::size_t kLayers = 5;
  PointSet set;
  for (std::size_t count = 1; count <= kLayers; ++count) {
    std::vector<Blend> blends(kLayers, kA);
    std::fill_n(blends.begin(), count, kMid);
    add(set, blends);
  }
  auto const stages = chain(kLayers, false);
  auto const tree = build_tree(set, all(set), stages);
  expect_right(tree, set, stages);
  EXPECT_EQ(tree.multiply_adds(stages), 5 + (4 + 3 + 2 + 1));
}

TEST(evaluation_tree, many_partners_of_one_base_share_it) {
  constexpr std::size_t kLayers = 4, kPartners = 5;
  PointSet set;
  add(set, std::vector<Blend>(kLayers, kA));
  for (int p = 1; p <= static_cast<int>(kPartners); ++p) {
    for (std::size_t l = 0; l < kLayers; ++l) add(set, with(kLayers, kA, l, blend(0, p, 0.5)));
  }
  auto const stages = chain(kLayers, false);
  auto const tree = build_tree(set, all(set), stages);
  expect_right(tree, set, stages);
  EXPECT_EQ(tree.multiply_adds(stages), 4.0 + kPartners * (4 + 3 + 2 + 1));
}

TEST(evaluation_tree, all_models_share_one_product_of_the_first_layer) {
  PointSet set;
  std::vector<int> const models{0, 1, 2, 3};
  for (int a : models) {
    add(set, {blend(a, a, 0.0), blend(a, a, 0.0)});
    for (int b : models) {
      if (a < b) add(set, {blend(a, b, 0.5), blend(a, b, 0.5)});
    }
  }
  auto const stages = chain(2);
  auto const tree = build_tree(set, all(set), stages);
  expect_right(tree, set, stages);
  EXPECT_EQ(tree.nodes.front().products.size(), 4u);
}

TEST(evaluation_tree, stacks_keep_to_their_limit) {
  constexpr std::size_t kLayers = 3;
  PointSet set;
  for (int p = 1; p <= 7; ++p) add(set, with(kLayers, kA, 0, blend(p, p, 0.0)));
  for (std::size_t const limit : {1u, 2u, 3u, 100u}) {
    auto const stages = chain(kLayers, true, limit);
    auto const tree = build_tree(set, all(set), stages);
    expect_right(tree, set, stages);
    std::size_t largest = 0;
    for (auto const& node : tree.nodes) largest = std::max(largest, node.stack);
    EXPECT_EQ(largest, std::min<std::size_t>(limit, 7));
    EXPECT_EQ(tree.multiply_adds(stages), 7 * 3);
  }
}

TEST(evaluation_tree, a_stage_may_use_several_layers) {
  PointSet set;
  add(set, {kA, kA, kA});
  add(set, {kA, kMid, kA});
  add(set, {kB, kMid, kA});
  std::vector<StageShape> const stages{{{0, 1, 2}, false, 5.0, 1}};
  auto const tree = build_tree(set, all(set), stages);
  EXPECT_EQ(tree.multiply_adds(stages), 15);
  EXPECT_EQ(tree.nodes.front().products.size(), 3u);
}

}  // namespace
}  // namespace fedstrata
