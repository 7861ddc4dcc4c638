#include "experiments/sweep/file.hpp"

#include <gmock/gmock.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char const* kBase = "[sweep]\nbase = ../a.ini\n";

SweepFile parse(std::string const& text) { return parse_sweep(text, "sweeps/grid.ini"); }

std::string refused(std::string const& text) {
  try {
    parse(text);
  } catch (InputError const& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(SweepFileTest, reads_the_grid_in_its_order) {
  auto const sweep = parse(std::string(kBase) +
                           "# a comment\n[axes]\naverage.all.every = 1 | 2|5\n"
                           "average.all.layers = first:2,head | rotate   # two\n");
  ASSERT_EQ(sweep.axes.size(), 2U);
  EXPECT_EQ(sweep.axes[0].key, "average.all.every");
  EXPECT_THAT(sweep.axes[0].values, ElementsAre("1", "2", "5"));
  EXPECT_THAT(sweep.axes[1].values, ElementsAre("first:2,head", "rotate"));
}

TEST(SweepFileTest, names_and_places_follow_from_the_file_unless_given) {
  auto const sweep = parse(std::string(kBase) + "[axes]\nrun.seed = 1|2\n");
  EXPECT_EQ(sweep.name, "grid");
  EXPECT_EQ(sweep.base, "a.ini");
  EXPECT_EQ(sweep.directory, "sweeps/runs/grid");
  EXPECT_EQ(sweep.former_directory, "runs/grid");
  EXPECT_EQ(sweep.ranks, 1);
  auto const given = parse("[sweep]\nbase=/b.ini\nname=x\ndir=d\nranks=4\n[axes]\nrun.seed=1\n");
  EXPECT_EQ(given.name, "x");
  EXPECT_EQ(given.base, "/b.ini");
  EXPECT_EQ(given.directory, "sweeps/d");
  EXPECT_EQ(given.ranks, 4);
  EXPECT_EQ(parse("[sweep]\nbase=b\ndir=../d\n[axes]\nrun.seed=1\n").directory, "d");
  EXPECT_EQ(parse("[sweep]\nbase=b\ndir=/d\n[axes]\nrun.seed=1\n").directory, "/d");
}

TEST(SweepFileTest, rules_join_keys_by_and) {
  auto const sweep = parse(std::string(kBase) +
                           "[cells]\nlong = run.seed=1|2 & train.lr=0.1\n"
                           "[exclude]\nthose = average.all.every = 1 & run.seed = 2\n");
  ASSERT_EQ(sweep.cells.size(), 1U);
  EXPECT_EQ(sweep.cells[0].name, "long");
  EXPECT_THAT(sweep.cells[0].axes[0].values, ElementsAre("1", "2"));
  EXPECT_EQ(sweep.cells[0].axes[1].key, "train.lr");
  ASSERT_EQ(sweep.exclude.size(), 1U);
  EXPECT_EQ(sweep.exclude[0].axes[1].key, "run.seed");
}

TEST(SweepFileTest, axes_of_the_file_replace_those_of_a_preset) {
  std::string const axes = "[axes]\naverage.all.every = 3 | 4\nrun.seed = 1 | 2\n";
  std::string const preset = "[sweep]\nbase = a.ini\npreset = interval-x-layers\n";
  for (auto const& text : {preset + axes, axes + preset}) {
    auto const sweep = parse(text);
    ASSERT_EQ(sweep.axes.size(), 3U);
    EXPECT_THAT(sweep.axes[0].values, ElementsAre("3", "4"));
    EXPECT_EQ(sweep.axes[1].key, "average.all.layers");
    EXPECT_EQ(sweep.axes[2].key, "run.seed");
  }
}

TEST(SweepFileTest, each_mistake_is_named) {
  std::string const axes = "[axes]\nrun.seed = 1 | 2\n";
  EXPECT_THAT(refused("[sweep]\nname = x\n" + axes),
              AllOf(HasSubstr("sweeps/grid.ini"), HasSubstr("sweep.base is missing")));
  EXPECT_THAT(refused(kBase), HasSubstr("there are no cells"));
  EXPECT_THAT(refused(kBase + std::string("[axis]\nrun.seed = 1\n")),
              AllOf(HasSubstr("[axis]"), HasSubstr("did you mean axes?")));
  EXPECT_THAT(refused("[sweep]\nbase = a.ini\nrank = 2\n" + axes),
              AllOf(HasSubstr("sweep.rank"), HasSubstr("did you mean ranks?")));
  EXPECT_THAT(refused("[sweep]\nbase = a.ini\nranks = 0\n" + axes),
              AllOf(HasSubstr("sweep.ranks = '0'"), HasSubstr("integer >= 1")));
  EXPECT_THAT(refused("[sweep]\nbase = a.ini\npreset = layer\n" + axes),
              AllOf(HasSubstr("'layer'"), HasSubstr("did you mean layers?")));
  EXPECT_THAT(refused("[sweep]\nbase = a.ini\nname = a/b\n" + axes), HasSubstr("'a/b'"));
  EXPECT_THAT(refused(kBase + std::string("[axes]\nrun.seed =\n")),
              HasSubstr("axes.run.seed has no values"));
  EXPECT_THAT(refused(kBase + std::string("[axes]\nrun.seed = 1 | 2 | 1\n")),
              AllOf(HasSubstr("axes.run.seed"), HasSubstr("'1' twice")));
  EXPECT_THAT(refused(kBase + axes + "run.seed = 3\n"), HasSubstr("axes.run.seed is given twice"));
  EXPECT_THAT(refused(kBase + axes + "[cells]\nx = run.seed\n"),
              AllOf(HasSubstr("cells.x: 'run.seed'"), HasSubstr("section.key=value")));
  EXPECT_THAT(refused(kBase + axes + "[cells]\nx =\n"), HasSubstr("cells.x is empty"));
  EXPECT_THAT(refused(kBase + axes + "[cells]\nx y = run.seed=1\n"), HasSubstr("cells.x y"));
  EXPECT_THAT(refused(kBase + axes + "[exclude]\nx = run.seed=1 & run.seed=2\n"),
              HasSubstr("exclude.x has run.seed twice"));
  EXPECT_THAT(refused("base = a.ini\n" + axes), HasSubstr("key 'base' belongs to no section"));
  EXPECT_THAT(refused(kBase + axes + "1 | 2\n"), HasSubstr("'1 | 2'"));
}

}  // namespace
}  // namespace fedstrata
