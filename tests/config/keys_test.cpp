#include "common/config/keys.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "common/base/text.hpp"
#include "common/config/options.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// Full name, with average.NAME, and effect.
std::map<std::string, std::string> effects() {
  std::map<std::string, std::string> result;
  auto const text = [](Effect const& effect) { return join(names_of(effect), ", "); };
  for (auto const& key : config_keys()) result[key.name] = text(key.effect);
  for (auto const& key : group_keys()) result["average.NAME." + key.name] = text(key.effect);
  return result;
}

/// Rows "| `NAME` | EFFECTS |" of the section "What keys affect" of docs/configuration.md.
std::map<std::string, std::string> documented() {
  std::ifstream file(FEDSTRATA_SOURCE_DIR "/docs/configuration.md");
  std::map<std::string, std::string> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) inside = line == "## What keys affect";
    auto const cells = split(line, '|');
    if (!inside || !line.starts_with("| `") || cells.size() < 3) continue;
    rows[trim(cells[1]).substr(1, trim(cells[1]).size() - 2)] = trim(cells[2]);
  }
  return rows;
}

TEST(EffectTest, every_key_affects_something_and_says_so) {
  auto const help = config_help();
  for (auto const& [key, effect] : effects()) {
    EXPECT_NE(effect, "") << key;
    EXPECT_THAT(help, HasSubstr("affects " + effect.substr(0, effect.find(','))));
  }
  EXPECT_FALSE(effect_of("train.lrr"));
  EXPECT_FALSE(effect_of("every"));
  EXPECT_TRUE(effect_of("average.a.b.every")->results);
}

TEST(EffectTest, the_documentation_says_the_same_by_key_or_by_section) {
  auto const rows = documented();
  for (auto const& [key, effect] : effects()) {
    auto row = rows.find(key);
    if (row == rows.end()) row = rows.find("[" + key.substr(0, key.rfind('.')) + "]");
    ASSERT_NE(row, rows.end()) << key;
    EXPECT_EQ(row->second, effect) << key;
  }
  for (auto const& [name, effect] : rows) {
    EXPECT_TRUE(name.starts_with("[") || effects().contains(name)) << name;
  }
}

TEST(EffectTest, memory_and_backlog_are_not_taken_for_what_changes_nothing) {
  EXPECT_TRUE(effect_of("analysis.memory")->numbers());
  EXPECT_TRUE(effect_of("analysis.backlog")->storage);
  EXPECT_FALSE(effect_of("analysis.backlog")->numbers());
  for (auto const* key :
       {"run.walltime", "run.grace", "run.stall_timeout", "data.dir", "analysis.ranks"}) {
    EXPECT_FALSE(effect_of(key)->numbers() || effect_of(key)->storage) << key;
  }
}

TEST(EffectTest, printed_with_a_config_which_can_be_read_back) {
  auto const config = parse_config("[average.body]\nlayers = body\n", "a");
  auto const text = to_text(config);
  EXPECT_THAT(text, HasSubstr("\n# affects limits: run.walltime run.grace run.stall_timeout "));
  EXPECT_THAT(text, HasSubstr(" average.body.every"));
  EXPECT_EQ(to_text(parse_config(text, "b")), text);
}

TEST(EffectTest, differences_know_theirs) {
  auto const before = parse_config("", "a");
  auto const now = parse_config("[checkpoint]\nevery = 1\n[average.all]\nevery = 2\n", "b");
  std::vector<std::string> found;
  for (auto const& difference : differences(before, now)) {
    found.push_back(difference.key + " " + join(names_of(difference.effect), ","));
  }
  EXPECT_THAT(found, ElementsAre("average.all.every results", "checkpoint.every storage"));
}

std::vector<std::string> idle(std::vector<std::string> const& settings) {
  return settings_without_effect(parse_config("", "a", settings));
}

TEST(WithoutEffectTest, says_what_a_setting_is_for) {
  EXPECT_THAT(idle({"model.norm=batch"}),
              ElementsAre("model.norm = batch has no effect: it is for model.name = resnet18"));
  EXPECT_THAT(idle({"model.name=cnn", "model.hidden=5"}),
              ElementsAre("model.hidden = 5 has no effect: it is for model.name = mlp"));
  EXPECT_THAT(idle({"average.a.every=0", "average.a.from=2"}),
              ElementsAre("average.a.from = 2 has no effect: it is for groups with every > 0"));
}

TEST(WithoutEffectTest, intervals_beyond_the_run) {
  EXPECT_THAT(idle({"average.a.every=11"}),
              ElementsAre("average.a never averages: its first round would be 11, after "
                          "federation.rounds = 10"));
  EXPECT_THAT(idle({"average.a.every=6", "average.a.from=2", "average.a.until=5"}),
              ElementsAre("average.a never averages: its first round would be 6, after "
                          "average.a.until = 5"));
  EXPECT_THAT(idle({"average.a.every=20", "average.a.offset=10"}), ElementsAre()) << "round 10";
  EXPECT_THAT(idle({"average.a.every=6", "average.a.until=6"}), ElementsAre());
  EXPECT_THAT(idle({"checkpoint.every=11", "analysis.every=12"}),
              ElementsAre(StartsWith("checkpoint.every = 11 is longer than the run"),
                          StartsWith("analysis.every = 12 is longer than the run")));
}

TEST(WithoutEffectTest, each_key_has_an_effect_with_what_it_is_for_and_none_without) {
  using Settings = std::vector<std::string>;
  struct Case {
    std::string setting;
    Settings with;
  };
  std::vector<Case> const cases{{"model.norm=group", {"model.name=resnet18"}},
                                {"model.hidden=5", {"model.name=mlp"}},
                                {"data.alpha=2", {"data.partition=dirichlet"}},
                                {"data.classes_per_client=3", {"data.partition=shards"}},
                                {"data.classes_per_client=3", {"data.partition=classes"}},
                                {"data.sigma=2", {"data.partition=quantity"}},
                                {"data.min_samples=2", {"data.partition=quantity"}},
                                {"data.min_samples=2", {"data.partition=dirichlet"}},
                                {"train.step_every=2", {"train.schedule=step"}},
                                {"train.step_factor=0.5", {"train.schedule=step"}},
                                {"train.horizon=2", {"train.schedule=step"}},
                                {"train.horizon=2", {"train.schedule=cosine"}},
                                {"train.momentum_at_averaging=keep", {"train.momentum=0.5"}},
                                {"train.momentum_at_averaging=keep", {"train.optimizer=adam"}},
                                {"checkpoint.before=no", {"checkpoint.every=1"}},
                                {"checkpoint.after=yes", {"checkpoint.every=1"}},
                                {"average.a.offset=1", {"average.a.every=2"}},
                                {"average.a.from=2", {"average.a.every=2"}},
                                {"average.a.until=2", {"average.a.every=2"}},
                                {"analysis.align_samples=5", {"analysis.align=activations"}},
                                {"analysis.plane_points=5", {"analysis.kinds=full,plane:0-1-2"}}};
  std::set<std::string> tried;
  for (auto const& [setting, with] : cases) {
    Settings all{"model.name=cnn", "average.a.every=0", setting};
    EXPECT_THAT(idle(all), ElementsAre(HasSubstr(" has no effect: "))) << setting;
    all.insert(all.end(), with.begin(), with.end());
    EXPECT_THAT(idle(all), ElementsAre()) << setting;
    auto const key = setting.substr(0, setting.find('='));
    tried.insert(key.starts_with("average.") ? key.substr(key.rfind('.') + 1) : key);
  }
  for (auto const& key : config_keys())
    EXPECT_EQ(bool(key.used), tried.contains(key.name)) << key.name;
  for (auto const& key : group_keys())
    EXPECT_EQ(bool(key.used), tried.contains(key.name)) << key.name;
}

TEST(WithoutEffectTest, defaults_and_the_examples_have_none) {
  EXPECT_THAT(idle({}), ElementsAre());
  EXPECT_THAT(settings_without_effect(parse_config(to_text(Config{}), "b")), ElementsAre());
  for (auto const& entry :
       std::filesystem::directory_iterator(FEDSTRATA_SOURCE_DIR "/experiments")) {
    if (entry.path().extension() != ".ini") continue;
    EXPECT_THAT(settings_without_effect(load_config(entry.path())), ElementsAre()) << entry.path();
  }
}

}  // namespace
}  // namespace fedstrata
