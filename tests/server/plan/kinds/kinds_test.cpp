#include "server/plan/kinds/kinds.hpp"

#include <gmock/gmock.h>

#include "common/base/error.hpp"
#include "common/config/config.hpp"
#include "tests/support/refusal.hpp"

namespace fedstrata {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A model of these layers, of ten parameters each.
LayerTable table_of(std::vector<std::string> const& names) {
  LayerTable table;
  for (auto const& name : names) {
    table.layers.push_back(
        {.name = name, .parameters = {table.parameter_count, 10}, .buffers = {}});
    table.parameter_count += 10;
  }
  return table;
}

std::vector<std::string> names(std::vector<Target> const& targets) {
  std::vector<std::string> result;
  for (auto const& target : targets) result.push_back(target.name);
  return result;
}

std::vector<Target> targets_of(std::string const& text) {
  return parse_kinds(text).kinds.at(0)->targets(table_of({"a", "b", "c"}), 1);
}

std::string refused(std::string const& text) {
  return refusal_of([&] { parse_kinds(text); });
}

TEST(kinds, keep_their_text) {
  auto const kinds = parse_kinds("full, window:3,random:12");
  EXPECT_EQ(kinds.text, "full,window:3,random:12");
  ASSERT_EQ(kinds.kinds.size(), 3u);
  EXPECT_EQ(kinds.kinds[1]->text(), "window:3");
  EXPECT_TRUE(kinds.kinds[2]->drawn());
  EXPECT_FALSE(kinds.kinds[2]->alignable());
}

TEST(kinds, say_what_is_wrong) {
  for (auto const* bad :
       {"", "layers", "window", "window:0", "window:x", "group:a", "group:=fc1",
        "group:a=", "random:0", "plane:1-2", "plane:1-1-2", "full:2", "full,full", "full,,layer"}) {
    EXPECT_THROW(parse_kinds(bad), InputError) << bad;
  }
  EXPECT_THAT(refused("cumulative-depp"), HasSubstr("cumulative-deep?"));
  EXPECT_THAT(refused("nothing-like-it"), HasSubstr("allowed: some of full, layer, "));
}

TEST(kinds, every_one_has_a_form_that_it_takes) {
  for (auto const& entry : kKinds) EXPECT_THAT(kinds_allowed(), HasSubstr(entry.form));
}

TEST(kinds, have_targets) {
  EXPECT_THAT(names(targets_of("full")), ElementsAre("all"));
  EXPECT_THAT(names(targets_of("layer")), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names(targets_of("random")), ElementsAre("a", "b", "c", "all"));
  EXPECT_THAT(names(targets_of("window:2")), ElementsAre("a..b", "b..c"));
  EXPECT_THAT(names(targets_of("interaction")), ElementsAre("a+b", "a+c", "b+c"));
  EXPECT_THAT(targets_of("complement").at(1).layers, ElementsAre(0, 2));
  EXPECT_THAT(targets_of("cumulative-deep").at(1).layers, ElementsAre(1, 2));
  EXPECT_THAT(targets_of("group:mid=b+c").at(0).layers, ElementsAre(1, 2));
  EXPECT_THAT(targets_of("plane:3-0-7:b").at(0).layers, ElementsAre(1));
  EXPECT_THROW(targets_of("window:4"), InputError);
  EXPECT_THROW(targets_of("group:mid=d"), InputError);
}

TEST(kinds, are_checked_against_the_other_settings) {
  Config config;
  config.data.clients = 3;
  config.analysis.kinds = parse_kinds("plane:0-1-2,subspace");
  EXPECT_NO_THROW(check_kinds(config, "here"));
  config.analysis.every = 1;
  EXPECT_THROW(check_kinds(config, "here"), InputError) << "subspace needs the whole run";
  config.analysis.every = 0;
  config.data.clients = 2;
  EXPECT_THROW(check_kinds(config, "here"), InputError) << "there is no client 2";
}

TEST(kinds, of_pairs_alone_are_refused_where_there_are_none) {
  Config config;
  config.analysis.pairs = parse_pairs("clients");
  for (auto const* text : {"interaction", "subset", "random:2", "subspace"}) {
    config.analysis.kinds = parse_kinds(std::string("full,") + text);
    EXPECT_NO_THROW(check_kinds(config, "here")) << "runs of 0.1.0 are read";
    EXPECT_THAT(refusal_of([&] { check_pairs_of_kinds(config.analysis, "here"); }),
                AllOf(HasSubstr("here: analysis.kinds: "), HasSubstr(text),
                      HasSubstr("analysis.pairs = clients")));
  }
  config.analysis.kinds =
      parse_kinds("full,layer,cumulative-deep,window:2,group:a=all,complement,plane:0-1-2,simplex");
  EXPECT_NO_THROW(check_pairs_of_kinds(config.analysis, "here"));
  config.analysis.kinds = parse_kinds("interaction,subset,random,subspace");
  for (auto const* pairs : {"all", "mean", "0-1"}) {
    config.analysis.pairs = parse_pairs(pairs);
    EXPECT_NO_THROW(check_pairs_of_kinds(config.analysis, "here")) << pairs;
  }
}

TEST(kinds, a_plane_needs_three_models_that_are_not_on_one_line) {
  auto const kind = parse_kinds("plane:0-1-2:b").kinds.at(0);
  auto const table = table_of({"a", "b"});
  bool flat = true;
  StoredRound const stored{4, {0, 1, 2}, [&](std::int64_t client) {
                             std::vector<float> row(20, static_cast<float>(client));
                             if (client == 2 && !flat) row[15] = 7.0f;
                             return row;
                           }};
  EXPECT_THROW(kind->check_models(stored, table), InputError);
  flat = false;
  EXPECT_NO_THROW(kind->check_models(stored, table));
}

}  // namespace
}  // namespace fedstrata
