#include "experiments/sweep/cells.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "common/base/error.hpp"
#include "common/config/options.hpp"

namespace fedstrata {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

std::vector<SweepCell> cells(std::string const& text, std::string const& base = "") {
  return sweep_cells(parse_sweep("[sweep]\nbase = base.ini\n" + text, "grid.ini"), base);
}

std::string refused(std::string const& text, std::string const& base = "") {
  try {
    cells(text, base);
  } catch (InputError const& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::set<std::string> hashes(std::vector<SweepCell> const& all) {
  std::set<std::string> result;
  for (auto const& cell : all) result.insert(cell.hash);
  return result;
}

TEST(SweepCellsTest, every_combination_the_last_axis_fastest) {
  auto const all = cells("[axes]\ntrain.lr = 0.1 | 0.2\nrun.seed = 1 | 2 | 3\n");
  ASSERT_THAT(all, SizeIs(6));
  EXPECT_EQ(all[1].config.train.lr, 0.1);
  EXPECT_EQ(all[1].config.run.seed, 2U);
  EXPECT_EQ(all[3].config.train.lr, 0.2);
  EXPECT_EQ(all[3].config.run.seed, 1U);
  EXPECT_THAT(hashes(all), SizeIs(6));
}

TEST(SweepCellsTest, names_say_what_is_set_and_are_plain) {
  auto const all = cells(
      "[axes]\naverage.a.every = 2\naverage.b.every = 3\n"
      "average.b.layers = first:2,head\nrun.seed = 1\n");
  EXPECT_THAT(all.at(0).name,
              MatchesRegex("a.every-2_b.every-3_layers-first2.head_seed-1-[0-9a-f]+"));
  EXPECT_THAT(all[0].name, HasSubstr("first2+head"));
}

TEST(SweepCellsTest, two_names_for_one_run_are_refused) {
  EXPECT_THAT(
      refused("[cells]\nfa = federation.preset = fedavg\nfb = average.all.every = 1\n"),
      AllOf(StartsWith("grid.ini:5: "),
            HasSubstr("cells.fb (average.all.every=1) is the same run as cells.fa; leave")));
  EXPECT_THAT(
      refused("[axes]\nrun.seed = 1 | 2\n[cells]\na = run.seed = 2 | 3\n"),
      AllOf(StartsWith("grid.ini:6: "), HasSubstr("cells.a (run.seed=2) is the same run as a "
                                                  "cell of [axes], which has no name")));
  // Within one name, and within the grid, cells may coincide.
  EXPECT_THAT(cells("[cells]\na = train.lr = 0.1 | 0.10 | 0.2\n"), SizeIs(2));
  EXPECT_THAT(cells("[axes]\ntrain.lr = 0.1 | 0.10 | 0.2\n"), SizeIs(2));
}

TEST(SweepCellsTest,
     what_looks_like_several_values_or_settings_is_answered_with_how_they_are_written) {
  std::string const written = "; values are separated by |: train.lr = 0.1 | 0.01";
  for (std::string const value : {"0.1, 0.01", "0.1,0.01", "0.1 0.01", "0.1 & 0.01", "0.1; 0.01"}) {
    EXPECT_THAT(refused("[axes]\ntrain.lr = " + value + "\n"), EndsWith(written)) << value;
  }
  EXPECT_THAT(refused("[cells]\na = train.lr = 0.1, 0.01 & run.seed = 1\n"), EndsWith(written));
  EXPECT_THAT(refused("[axes]\ntrain.lr = 1\n[exclude]\nx = train.lr = 0.1, 0.01\n"),
              EndsWith(written));
  EXPECT_THAT(refused("[set]\ntrain.lr = 0.1 | 0.01\n[axes]\nrun.seed = 1\n"),
              EndsWith("; what varies belongs to [axes]: train.lr = 0.1 | 0.01"));
  EXPECT_THAT(refused("[cells]\na = train.lr = 0.1, run.seed = 2\n"),
              EndsWith("; settings of one cell are joined by &"));
  EXPECT_THAT(refused("[axes]\ntrain.lr = 0.1, fast\n"), Not(HasSubstr("separated")));
}

TEST(SweepCellsTest, messages_about_settings_have_their_line) {
  EXPECT_THAT(refused("[axes]\n\naverage.all.every = 1, 2, 4\n"),
              StartsWith("grid.ini:5: average.all.every = '1, 2, 4' is not possible"));
  EXPECT_THAT(refused("[axes]\nrun.sed = 1\n"), StartsWith("grid.ini:4: unknown key run.sed"));
  EXPECT_THAT(refused("[cells]\na = run.seed = 1 & train.lr = fast\n"), StartsWith("grid.ini:4: "));
  EXPECT_THAT(refused("[cells]\na = train.mu = 1\n"), StartsWith("grid.ini:4: cell a: train.mu"));
  EXPECT_THAT(refused("[axes]\nrun.seed = 1\n\ntrain.mu = 1\n"),
              StartsWith("grid.ini:6: cell run.seed=1 & train.mu=1: train.mu"));
}

TEST(SweepCellsTest, a_new_value_or_key_leaves_the_hashes_of_the_others) {
  auto const before = hashes(cells("[axes]\ntrain.lr = 0.1 | 0.2\n"));
  auto const value = hashes(cells("[axes]\ntrain.lr = 0.1 | 0.15 | 0.2\n"));
  auto const key = hashes(cells("[axes]\ntrain.lr = 0.10 | 0.2\nrun.seed = 1 | 2\n"));
  EXPECT_TRUE(std::includes(value.begin(), value.end(), before.begin(), before.end()));
  EXPECT_TRUE(std::includes(key.begin(), key.end(), before.begin(), before.end()));
}

TEST(SweepCellsTest, the_hash_leaves_out_what_leaves_results_as_they_are) {
  auto const plain = settings_hash(parse_config("", "a"));
  EXPECT_EQ(plain, settings_hash(parse_config("[checkpoint]\nevery = 5\n[data]\ndir = /x\n"
                                              "[analysis]\nranks = 3\nbacklog = skip\n",
                                              "a")));
  for (auto const* text :
       {"[run]\nseed = 2\n", "[run]\nthreads = 2\n", "[train]\nlr = 0.06\n",
        "[federation]\nrounds = 11\n", "[analysis]\nevery = 2\n", "[average.all]\nevery = 2\n",
        "[average.body]\n", "[analysis]\nmemory = 2000000\n"}) {
    EXPECT_NE(plain, settings_hash(parse_config(text, "a"))) << text;
  }
  EXPECT_EQ(settings_hash(parse_config("[federation]\npreset = fedavg\n", "a")),
            settings_hash(
                parse_config(to_text(parse_config("[federation]\npreset = fedavg\n", "a")), "b")));
}

/// As version 0.1.0 made them: sweeps that it began are recognised.
TEST(SweepCellsTest, hashes_are_those_of_earlier_versions) {
  EXPECT_EQ(settings_hash(parse_config("", "a")), "64518e0974");
  EXPECT_EQ(settings_hash(parse_config("[run]\nseed = 2\ndevice = cpu\nwalltime = 3\n[data]\n"
                                       "dir = /x\nalpha = 2\n[average.a]\nlayers = body\n"
                                       "[analysis]\nevery = 2\nranks = 0\nbacklog = skip\n",
                                       "a")),
            "4d8ff9c6fb");
}

TEST(SweepCellsTest, settings_of_all_cells_and_of_the_base) {
  auto const all =
      cells("[set]\nfederation.local_steps = 5\n[axes]\nrun.seed = 1 | 2\n", "[train]\nlr = 0.3\n");
  EXPECT_EQ(all.at(1).config.train.lr, 0.3);
  EXPECT_EQ(all[1].config.federation.local_steps, 5);
  EXPECT_EQ(all[1].config.federation.local_epochs, 0);
}

TEST(SweepCellsTest, cells_besides_the_grid_each_once) {
  auto const all = cells(
      "[axes]\nrun.seed = 1 | 2\n"
      "[cells]\nlong = federation.rounds=99 & run.seed=1|3\n");
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_THAT(all[2].name, MatchesRegex("long_rounds-99_seed-1-.*"));
  EXPECT_EQ(all[3].config.run.seed, 3U);
  EXPECT_EQ(all[0].value("federation.rounds"), "10");
  EXPECT_EQ(all[2].value("federation.rounds"), "99");
}

TEST(SweepCellsTest, excluded_are_cells_that_have_all_of_the_values) {
  auto const all = cells(
      "[axes]\naverage.all.every = 1 | 2\naverage.all.layers = all | rotate\nrun.seed = 1 | 2\n"
      "[exclude]\nx = average.all.every=1 & average.all.layers=rotate\ny = run.seed = 2 | 5\n");
  std::vector<std::string> left;
  for (auto const& cell : all) {
    left.push_back(cell.value("average.all.every") + cell.value("average.all.layers"));
    EXPECT_EQ(cell.config.run.seed, 1U);
  }
  EXPECT_THAT(left, ElementsAre("1all", "2all", "2rotate"));
  EXPECT_THAT(cells("[axes]\ntrain.lr = 0.1 | 0.2\n[exclude]\nx = train.lr=0.10\n"), SizeIs(1));
}

TEST(SweepCellsTest, groups_that_the_base_lacks_replace_its_own) {
  std::string const base =
      "[average.body]\nlayers = body\n[average.head]\nlayers = head\nevery=7\n";
  auto const replaced = cells("[axes]\naverage.all.every = 1 | 2\n", base);
  ASSERT_THAT(replaced.at(0).config.average, SizeIs(1));
  EXPECT_EQ(replaced[0].config.average[0].name, "all");
  auto const changed = cells("[axes]\naverage.body.every = 1 | 2\n", base);
  ASSERT_THAT(changed.at(1).config.average, SizeIs(2));
  EXPECT_EQ(changed[1].config.average[0].every, 2);
  EXPECT_EQ(changed[1].config.average[1].every, 7);
  auto const preset = cells("[axes]\nrun.seed = 1\n[cells]\nx = federation.preset=local\n", base);
  EXPECT_THAT(preset.at(0).config.average, SizeIs(2));
  EXPECT_THAT(preset.at(1).config.average, IsEmpty());
}

TEST(SweepCellsTest, each_mistake_is_named) {
  EXPECT_THAT(refused("[axes]\ntrain.lrr = 1\n"),
              AllOf(HasSubstr("grid.ini"), HasSubstr("did you mean train.lr?")));
  EXPECT_THAT(refused("[axes]\ntrain.lr = 0.1 | fast\n"),
              AllOf(HasSubstr("train.lr = 'fast'"), HasSubstr("allowed")));
  EXPECT_THAT(refused("[axes]\naverage.all.evry = 1\n"), HasSubstr("did you mean every?"));
  EXPECT_THAT(refused("[axes]\ncheckpoint.every = 1 | 2\n"),
              AllOf(HasSubstr("checkpoint.every cannot vary"), HasSubstr("[set]")));
  EXPECT_THAT(refused("[axes]\nanalysis.backlog = wait | skip\n"), HasSubstr("cannot vary"));
  EXPECT_THAT(refused("[set]\ntrain.lr = 1\n[axes]\ntrain.lr = 1 | 2\n"),
              HasSubstr("train.lr is in [set] and varies"));
  EXPECT_THAT(refused("[axes]\nrun.seed = 1 | 2\n[exclude]\nx = run.seed=3\n"),
              HasSubstr("exclude.x fits no cell"));
  EXPECT_THAT(refused("[axes]\nrun.seed = 1 | 2\n[exclude]\nx = run.sed=2\n"),
              HasSubstr("did you mean run.seed?"));
  EXPECT_THAT(refused("[axes]\nrun.seed = 1 | 2\n[exclude]\nx = average.al.every=1\n"),
              HasSubstr("exclude.x fits no cell"));
  EXPECT_THAT(refused("[axes]\nrun.seed = 1 | 2\n[exclude]\nx = run.seed=1|2\n"),
              HasSubstr("every cell is excluded"));
  EXPECT_THAT(refused("[axes]\ntrain.nesterov = yes\n"),
              AllOf(HasSubstr("cell train.nesterov=yes"), HasSubstr("train.momentum")));
  EXPECT_THAT(refused("[axes]\nrun.seed = 1\n", "[trian]\n"),
              AllOf(HasSubstr("base.ini"), HasSubstr("did you mean train?")));
}

TEST(SweepCellsTest, no_more_cells_than_anybody_can_run) {
  std::string values = "0";
  for (int i = 1; i < 400; ++i) values += " | " + std::to_string(i);
  EXPECT_THAT(refused("[axes]\nrun.seed = " + values + "\ndata.train_limit = " + values + "\n"),
              HasSubstr("more than 100000 cells"));
}

}  // namespace
}  // namespace fedstrata
