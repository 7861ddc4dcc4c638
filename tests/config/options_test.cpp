#include "common/config/options.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "common/base/text.hpp"
#include "common/config/keys.hpp"
#include "tests/support/refusal.hpp"

namespace fedstrata {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Config parse(std::string const& text, std::vector<std::string> const& overrides = {}) {
  return parse_config(text, "run.ini", overrides);
}

std::string refused(std::string const& text, std::vector<std::string> const& overrides = {}) {
  return refusal_of([&] { parse(text, overrides); });
}

TEST(ConfigTest, empty_text_gives_the_defaults) {
  EXPECT_EQ(to_text(parse("")), to_text(Config{}));
  EXPECT_EQ(to_text(parse("# nothing\n\n[run]\n")), to_text(Config{}));
}

TEST(ConfigTest, reads_every_type) {
  auto const config = parse(R"(
[run]
seed = 18446744073709551615   # the largest
device = cpu
[model]
hidden = 64, 32
init=different
[train]
lr = 1e-3
nesterov = yes
momentum = .9
[analysis]
kinds = layer
pairs = 0-1, 2-3
[average.conv]
layers = type:conv, !conv1
until = 7
)",
                            {"data.clients = 8", "average.head.every=0", "average.conv.every=3"});
  EXPECT_EQ(config.run.seed, 18446744073709551615U);
  EXPECT_EQ(config.run.device, DeviceChoice::cpu);
  EXPECT_THAT(config.model.hidden, ElementsAre(64, 32));
  EXPECT_EQ(config.model.init, Init::different);
  EXPECT_EQ(config.train.lr, 1e-3);
  EXPECT_TRUE(config.train.nesterov);
  EXPECT_EQ(config.data.clients, 8);
  EXPECT_EQ(config.analysis.kinds.text, "layer");
  ASSERT_EQ(config.average.size(), 2U);
  EXPECT_EQ(config.average[0].name, "conv");
  EXPECT_EQ(config.average[0].layers, "type:conv, !conv1");
  EXPECT_EQ(config.average[0].every, 3);
  EXPECT_EQ(config.average[0].until, 7);
  EXPECT_EQ(config.average[1].name, "head");
  EXPECT_EQ(config.average[1].every, 0);
}

TEST(ConfigTest, later_overrides_win) {
  EXPECT_EQ(parse("[train]\nlr = 1\n", {"train.lr=2", "train.lr=3"}).train.lr, 3);
}

TEST(ConfigTest, local_steps_replace_the_default_of_local_epochs) {
  auto const config = parse("[federation]\nlocal_steps = 5\n");
  EXPECT_EQ(config.federation.local_steps, 5);
  EXPECT_EQ(config.federation.local_epochs, 0);
  EXPECT_THAT(refused("[federation]\nlocal_steps = 5\nlocal_epochs = 2\n"),
              AllOf(HasSubstr("local_epochs"), HasSubstr("local_steps")));
  EXPECT_THAT(refused("[federation]\nlocal_epochs = 0\n"), HasSubstr("local_steps"));
  Config made;
  made.federation.local_steps = 5;
  EXPECT_EQ(to_text(parse(to_text(made))), to_text(made));
}

TEST(ConfigTest, every_value_of_every_enumeration_is_read_and_printed) {
  for (auto const& key : config_keys()) {
    if (key.allowed.find(" | ") == std::string::npos) continue;
    for (auto const& value : split(key.allowed, '|')) {
      Config config;
      bool possible = false;  // else a form such as A:B:STEP
      refusal_of([&] { possible = key.set(config, value); });
      if (possible) {
        EXPECT_EQ(key.get(config), value) << key.name;
      }
    }
  }
}

TEST(ConfigTest, text_round_trips) {
  auto const config = parse("[average.a]\nlayers = conv*\n[average.b]\nlayers = rest\nfrom = 3\n",
                            {"train.lr=0.1", "train.weight_decay=1.2345678901234567e-7",
                             "model.hidden=", "data.alpha=0.30000000000000004", "data.dir=/a b/c",
                             "analysis.alphas=0.1,0.9", "analysis.rounds=1:9:2"});
  std::string const text = to_text(config);
  auto const again = parse(text);
  EXPECT_EQ(to_text(again), text);
  EXPECT_EQ(again.train.weight_decay, config.train.weight_decay);
  EXPECT_EQ(again.data.alpha, config.data.alpha);
  EXPECT_TRUE(again.model.hidden.empty());
  EXPECT_THAT(text, AllOf(HasSubstr("\nlr = 0.1\n"), HasSubstr("\ndir = /a b/c\n"),
                          HasSubstr("[average.a]\nlayers = conv*\nevery = 1\n")));
}

TEST(ConfigTest, stored_text_is_complete) {
  std::string const text = to_text(Config{});
  EXPECT_THAT(text, AllOf(HasSubstr("[average.all]\nlayers = all\nevery = 1\n"),
                          HasSubstr("\ndir =\n"), HasSubstr("\nhidden = 200,200\n")));
  EXPECT_EQ(to_text(parse(text)), text);
}

TEST(ConfigTest, presets_expand_into_their_groups) {
  for (auto const* preset : {"fedavg", "fedper", "lg-fedavg", "fedbn", "local"}) {
    std::string const text = to_text(parse("", {std::string("federation.preset=") + preset}));
    EXPECT_EQ(to_text(parse(text)), text) << preset;
  }
  EXPECT_THAT(to_text(parse("[federation]\npreset = fedper\n")),
              HasSubstr("[average.head]\nlayers = head\nevery = 0\n"));
}

TEST(BadConfigTest, unknown_names_suggest_the_nearest) {
  EXPECT_THAT(refused("[trian]\nlr = 1\n"), AllOf(HasSubstr("run.ini"), HasSubstr("mean train?")));
  EXPECT_EQ(refused("[ train ]\nlr = 1\n"), "nothing was refused");
  EXPECT_THAT(refused("[fedaration]\n"), HasSubstr("mean federation?"));
  EXPECT_THAT(refused("[train]\nmomemtum = 0.9\n"),
              AllOf(HasSubstr("run.ini"), HasSubstr("mean train.momentum?")));
  EXPECT_THAT(refused("[train]\nclients = 3\n"), HasSubstr("mean data.clients?"));
  EXPECT_THAT(refused("[train]\nqqqqqqqq = 3\n"), HasSubstr("(keys: train.optimizer"));
  EXPECT_THAT(refused("[average.a]\nevry = 3\n"), HasSubstr("mean every?"));
  EXPECT_THAT(refused("[average]\nevery = 3\n"), HasSubstr("[average.features]"));
  EXPECT_THAT(refused("lr = 3\n"), HasSubstr("section"));
  EXPECT_THAT(refused("run = 3\n"), HasSubstr("[section]"));  // even where a section is so called
  EXPECT_THAT(refused("", {"trian.lr=3"}), HasSubstr("--set trian.lr=3"));
  EXPECT_THAT(refused("[average.a b]\n"), HasSubstr("letters"));
  EXPECT_THAT(refused("[data]\npartition = irichlet\n"), HasSubstr("mean dirichlet?"));
}

TEST(BadConfigTest, wrong_values_name_key_value_and_what_is_allowed) {
  EXPECT_THAT(refused("[train]\nlr = fast\n"),
              AllOf(HasSubstr("run.ini:2: train.lr = 'fast'"), HasSubstr("number > 0")));
  EXPECT_THAT(refused("[run]\nseed = -1\n"), HasSubstr("integer >= 0"));
  for (auto const* bad : {"train.lr=0",
                          "train.lr=nan",
                          "train.lr=inf",
                          "train.lr=",
                          "train.lr=1x",
                          "train.momentum=1",
                          "train.momentum=-0.1",
                          "train.optimizer=adagrad",
                          "train.beta1=1",
                          "train.eps=0",
                          "train.mu=-1",
                          "analysis.align_starts=0",
                          "analysis.align_at=between",
                          "train.correction=fedprox",
                          "train.nesterov=maybe",
                          "train.batch_size=0",
                          "train.batch_size=1.5",
                          "train.step_every=0",
                          "data.clients=0",
                          "data.clients=99999999999999999999",
                          "federation.participation=0",
                          "federation.participation=1.01",
                          "federation.rounds=-1",
                          "federation.preset=fedprox",
                          "model.hidden=3,0",
                          "model.hidden=3,,4",
                          "model.name=",
                          "model.norm=layer",
                          "analysis.kinds=",
                          "analysis.kinds=full,window",
                          "analysis.kinds=full,full",
                          "analysis.pairs=some",
                          "analysis.pairs=random:0",
                          "analysis.pairs=0-1,2",
                          "analysis.alphas=2,3",
                          "analysis.rounds=x",
                          "analysis.ranks=-1",
                          "analysis.memory=5",
                          "average.a.from=0",
                          "average.a.every=-1",
                          "average.a.layers="}) {
    EXPECT_THAT(refused("", {bad}), AllOf(HasSubstr("--set"), HasSubstr("allowed: "))) << bad;
  }
}

TEST(BadConfigTest, strategies_that_are_no_presets_are_told_as_settings) {
  EXPECT_THAT(refused("", {"federation.preset=fedprox"}),
              AllOf(HasSubstr("--set federation.preset=fedprox: "),
                    HasSubstr("what you mean is train.correction = prox")));
  EXPECT_THAT(refused("", {"federation.preset=scaffold"}),
              HasSubstr("what you mean is train.correction = scaffold"));
  EXPECT_THAT(refused("", {"federation.preset=fednova"}),
              HasSubstr("what you mean is average.NAME.update = nova"));
  EXPECT_THAT(refused("", {"federation.preset=fedavh"}), HasSubstr("mean fedavg?"));
}

TEST(BadConfigTest, keys_that_contradict_each_other) {
  EXPECT_THAT(refused("", {"train.nesterov=yes"}), HasSubstr("train.momentum"));
  EXPECT_THAT(refused("", {"train.optimizer=adamw", "train.momentum=0.9"}),
              HasSubstr("train.momentum = 0.9 is for train.optimizer = sgd, not for adamw"));
  EXPECT_THAT(refused("", {"train.optimizer=adam", "train.nesterov=yes"}),
              HasSubstr("train.nesterov = yes is for"));
  EXPECT_THAT(refused("", {"train.beta2=0.9"}),
              HasSubstr("train.beta2 = 0.9 is for train.optimizer = adam | adamw, not for sgd"));
  EXPECT_THAT(refused("", {"train.mu=0.1"}), HasSubstr("train.correction = prox, not for none"));
  EXPECT_THAT(refused("", {"train.dyn_alpha=0.1"}),
              HasSubstr("train.correction = feddyn, not for none"));
  for (auto const* setting : {"train.momentum=0.9", "train.optimizer=adam"}) {
    EXPECT_THAT(refused("", {"train.correction=scaffold", setting}),
                HasSubstr("set train.optimizer = sgd and train.momentum = 0"));
  }
  EXPECT_THAT(refused("", {"train.correction=scaffold", "model.init=different"}),
              HasSubstr("set model.init = same"));
  EXPECT_THAT(refused("", {"train.correction=feddyn", "train.dyn_alpha=0.1"}),
              HasSubstr("set federation.weighting = uniform"));
  EXPECT_THAT(refused("", {"train.correction=feddyn", "train.dyn_alpha=0.1",
                           "federation.weighting=uniform", "average.a.update=adam"}),
              HasSubstr("average.a.update = adam has no place beside it"));
  EXPECT_NO_THROW(parse("", {"train.correction=feddyn", "model.init=different"}));  // alpha = 0
  EXPECT_THAT(refused("", {"average.a.update=nova", "train.optimizer=adam"}),
              HasSubstr("known for SGD, not for train.optimizer = adam"));
  EXPECT_THAT(refused("", {"average.a.update=nova", "train.warmup=9"}),
              HasSubstr("not with train.warmup = 9"));
  EXPECT_THAT(refused("", {"average.a.update=nova", "train.momentum=0.9",
                           "train.momentum_at_averaging=keep"}),
              HasSubstr("set train.momentum_at_averaging = reset"));
  EXPECT_THAT(refused("", {"average.a.update=nova", "train.correction=prox", "train.mu=0.1"}),
              HasSubstr("not known with train.correction = prox"));
  EXPECT_THAT(refused("", {"average.a.update=lws", "average.a.update_lo=0.5"}),
              HasSubstr("update_lo = 0.5 is more than average.a.update_hi = 0.2"));
  EXPECT_THAT(refused("", {"analysis.align_starts=2"}),
              HasSubstr("analysis.align_starts = 2 is for analysis.align = weights, not for none"));
  EXPECT_THAT(refused("", {"analysis.align=activations", "analysis.align_starts=2"}),
              HasSubstr("for analysis.align = weights, not for activations; leave it out"));
  EXPECT_THAT(refused("", {"analysis.align_at=after"}),
              HasSubstr("analysis.align_at = after is for analysis.align = activations"));
  EXPECT_THAT(refused("", {"analysis.align=weights", "analysis.align_at=after"}),
              HasSubstr("for analysis.align = activations, not for weights; leave it out"));
  EXPECT_THAT(refused("", {"analysis.pairs=0-1,1-1"}), HasSubstr("1-1 pairs a client with itself"));
  EXPECT_THAT(refused("[average.a]\n", {"federation.preset=fedper"}),
              AllOf(HasSubstr("preset"), HasSubstr("[average.*]")));
  EXPECT_THAT(refused("[average.a]\nfrom = 5\nuntil = 4\n"), HasSubstr("average.a.from"));
  EXPECT_THAT(refused("[analysis]\npairs = 0-4\n"), HasSubstr("data.clients = 4"));
}

TEST(BadConfigTest, malformed_text) {
  EXPECT_THAT(refused("[train]\nlr = 1\nlr = 1\n"), HasSubstr("train.lr is given twice"));
  EXPECT_THAT(refused("[train]\nlr 1\n"), AllOf(HasSubstr("run.ini"), HasSubstr("'lr 1'")));
  EXPECT_THAT(refused("", {"data.dir=/a#b"}), HasSubstr("'#'"));
  EXPECT_THAT(refused("", {"data.dir"}), HasSubstr("section.key=value"));
  EXPECT_THAT(refused("", {"average.every=2"}), HasSubstr("average.NAME.key"));
}

TEST(BadConfigTest, unreadable_files) {
  EXPECT_THAT(refusal_of([] { load_config("/nowhere/a.ini"); }), HasSubstr("/nowhere/a.ini"));
  EXPECT_THAT(refusal_of([] { load_config("/"); }), HasSubstr("cannot be read"));
}

TEST(ConfigTest, files_are_read) {
  auto const path = std::filesystem::path(testing::TempDir()) / "options_test.ini";
  std::ofstream(path) << "[train]\r\nlr = 0.5\r\n";
  EXPECT_EQ(load_config(path.string()).train.lr, 0.5);
  std::ofstream(path, std::ios::trunc).close();
  EXPECT_EQ(to_text(load_config(path.string())), to_text(Config{}));
  std::filesystem::remove(path);
}

TEST(WithAnalysisTest, replaces_only_that_section) {
  Config const stored = parse("", {"train.lr=2", "data.clients=9", "analysis.alphas=5"});
  auto const kept = with_analysis(stored, "", "", {"analysis.split=test"});
  EXPECT_EQ(kept.analysis.alphas.text, "5");
  EXPECT_EQ(kept.analysis.split.text, "test");
  auto const replaced =
      with_analysis(stored, "[train]\nlr = 7\n[analysis]\npairs = 7-8\n", "a.ini", {});
  EXPECT_EQ(replaced.train.lr, 2);
  EXPECT_EQ(replaced.analysis.alphas.text, AnalysisConfig{}.alphas.text);
  EXPECT_EQ(replaced.analysis.pairs.text, "7-8");
  EXPECT_THAT(refusal_of([&] { with_analysis(stored, "", "", {"train.lr=1"}); }),
              HasSubstr("[analysis]"));
  EXPECT_EQ(with_analysis(stored, "", "", {"run.threads=3"}).run.threads, 3);
}

/// Rows "| `key` | default | unit | allowed |" of the tables in docs/configuration.md.
std::vector<std::string> documented_rows() {
  std::ifstream file(FEDSTRATA_SOURCE_DIR "/docs/configuration.md");
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `") || line.find('.') > line.find('`', 3)) continue;
    if (std::ranges::count(line, '|') < 6) continue;  // another table
    rows.push_back(line.substr(0, line.rfind('|', line.rfind('|') - 1) + 1));
  }
  return rows;
}

template <class Owner>
std::string row(Key<Owner> const& key, std::string const& name, Owner const& defaults) {
  std::string allowed;
  for (char const c : key.allowed) allowed += c == '|' ? std::string("\\|") : std::string(1, c);
  std::string const value = key.get(defaults);
  std::ostringstream out;
  out << "| `" << name << "` | " << (value.empty() ? "" : "`") << value
      << (value.empty() ? "" : "`") << " | " << key.unit << " | " << allowed << " |";
  return out.str();
}

std::vector<std::string> split_words(std::string const& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

TEST(HelpTest, the_documentation_lists_every_key_with_default_unit_and_allowed_values) {
  std::vector<std::string> expected;
  for (auto const& key : config_keys()) expected.push_back(row(key, key.name, Config{}));
  for (auto const& key : group_keys()) {
    expected.push_back(row(key, "average.NAME." + key.name, AverageGroup{}));
  }
  EXPECT_THAT(documented_rows(), testing::UnorderedElementsAreArray(expected));
}

TEST(HelpTest, lists_every_key) {
  std::string const help = join(split_words(config_help()), " ");
  for (auto const& key : config_keys()) {
    auto const name = key.name.substr(key.name.find('.') + 1);
    EXPECT_THAT(help, HasSubstr(join({"", name, "="}, " ")));
    EXPECT_THAT(help, HasSubstr(key.help));
    EXPECT_FALSE(key.help.empty() || key.allowed.empty()) << key.name;
  }
}

TEST(ConfigTest, a_run_without_a_key_has_the_value_of_before_the_key) {
  EXPECT_THAT(older_values("[federation]\nrounds = 3\n"),
              ElementsAre("run.clients_at_once=1", "federation.evaluate=both"));
  EXPECT_THAT(older_values("[run]\nclients_at_once = 2\n[federation]\nevaluate = global\n"),
              testing::IsEmpty());
  EXPECT_THAT(older_values("[run]\nseed = 1\n", "[federation]\nevaluate = 3\n"),
              ElementsAre("run.clients_at_once=1"));
}

}  // namespace
}  // namespace fedstrata
