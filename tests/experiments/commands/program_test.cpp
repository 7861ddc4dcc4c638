#include "experiments/commands/program.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "common/base/error.hpp"
#include "common/config/keys.hpp"
#include "experiments/commands/analyze.hpp"
#include "experiments/commands/completion.hpp"
#include "experiments/commands/inspect.hpp"
#include "experiments/commands/manual.hpp"
#include "experiments/commands/simulate.hpp"
#include "experiments/commands/sweep.hpp"
#include "experiments/commands/watch.hpp"

namespace fedstrata {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;

std::string refusal(std::vector<std::string> const& words) {
  try {
    read_command_line(words);
  } catch (InputError const& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(CommandLineTest, reads_each_command) {
  auto const simulate = read_options(
      simulate_command(), {"a.ini", "--set", "train.lr=1", "--out=r", "--set=run.seed=2",
                           "--resume", "--dry-run", "--allow-config-change", "--allow-idle-ranks"});
  EXPECT_EQ(simulate->target, "a.ini");
  EXPECT_EQ(simulate->out, "r");
  EXPECT_THAT(simulate->set, ElementsAre("train.lr=1", "run.seed=2"));
  EXPECT_TRUE(simulate->resume && simulate->dry_run && simulate->allow_config_change &&
              simulate->allow_idle_ranks);
  EXPECT_TRUE(read_options(simulate_command(), {"a.ini", "--print-config"})->print_config);
  auto const analyze = read_options(
      analyze_command(), {"--config", "b.ini", "run", "--name", "x-1", "--against", "other"});
  EXPECT_EQ(analyze->target, "run");
  EXPECT_EQ(analyze->config, "b.ini");
  EXPECT_EQ(analyze->name, "x-1");
  EXPECT_EQ(analyze->against, "other");
  EXPECT_EQ(read_options(analyze_command(), {"run"})->name, "posthoc");
  EXPECT_EQ(read_options(analyze_command(), {"run", "--missing"})->name, "insitu");
  auto const inspect = read_options(inspect_command(), {"run", "--verify", "--pack", "o.h5"});
  EXPECT_TRUE(inspect->verify);
  EXPECT_FALSE(inspect->rebuild_index);
  EXPECT_EQ(inspect->pack, "o.h5");
  auto const sweep =
      read_options(sweep_command(), {"resubmit", "s.ini", "--failed", "--throttle", "7"});
  EXPECT_EQ(sweep->action, "resubmit");
  EXPECT_EQ(sweep->target, "s.ini");
  EXPECT_TRUE(sweep->failed);
  EXPECT_FALSE(sweep->missing);
  EXPECT_EQ(sweep->throttle, 7);
  EXPECT_EQ(read_options(watch_command(), {"d", "--every", "0.5"})->every, 0.5);
}

TEST(CommandLineTest, help_needs_nothing_else) {
  EXPECT_FALSE(read_options(simulate_command(), {"--help"}));
  EXPECT_FALSE(read_options(sweep_command(), {"-h"}));
  EXPECT_THAT(program_usage(), AllOf(HasSubstr("Example: "), HasSubstr("fedstrata sweep ACTION")));
  for (auto const& command : program_commands()) {
    auto const text = usage(command.text, command.options);
    EXPECT_THAT(text, HasSubstr("Example: "));
    for (auto const& option : command.options) {
      EXPECT_THAT(text, HasSubstr("--" + option.name));
      EXPECT_THAT(text, HasSubstr(option.help));
    }
  }
  EXPECT_THAT(usage(analyze_command().text, {}), HasSubstr("  alphas = 3"));
  EXPECT_THAT(usage(simulate_command().text, {}), HasSubstr("  lr = 0.05"));
}

TEST(CommandLineTest, help_is_a_command_too) {
  auto const printed = [](std::vector<std::string> const& words) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(read_command_line(words)(), 0);
    std::fflush(stdout);
    return testing::internal::GetCapturedStdout();
  };
  EXPECT_EQ(printed({"help"}), program_usage());
  for (auto const& command : program_commands()) {
    auto const& name = command.text.name;
    EXPECT_EQ(printed({"help", name}), printed({name, "--help"}));
  }
  EXPECT_EQ(printed({"-V"}), printed({"--version"}));
  EXPECT_THAT(refusal({"help", "simulat"}), HasSubstr("mean simulate?"));
  EXPECT_THAT(refusal({"help", "simulate", "sweep"}), HasSubstr("one command"));
}

TEST(CommandLineTest, bad_usage_is_named) {
  EXPECT_THAT(refusal({}), HasSubstr("--help"));
  EXPECT_THAT(refusal({"simulat", "a"}), HasSubstr("mean simulate?"));
  EXPECT_THAT(refusal({"simulate", "a", "--drun"}), HasSubstr("--drun"));
  EXPECT_THAT(refusal({"simulate", "a", "--dry-rum"}), HasSubstr("mean --dry-run?"));
  EXPECT_THAT(refusal({"simulate", "a", "--dry"}), HasSubstr("unknown option --dry"));
  EXPECT_THAT(refusal({"inspect", "a", "--resume"}), HasSubstr("unknown option --resume"));
  EXPECT_THAT(refusal({"simulate"}), HasSubstr("FILE.ini is missing"));
  EXPECT_THAT(refusal({"simulate", "a", "b"}), HasSubstr("'b'"));
  EXPECT_THAT(refusal({"simulate", "a", "--out"}), HasSubstr("--out"));
  EXPECT_THAT(refusal({"simulate", "a", "--out="}), HasSubstr("--out needs a value"));
  EXPECT_THAT(refusal({"simulate", "a", "--out", "x", "--out", "y"}), HasSubstr("twice"));
  EXPECT_THAT(refusal({"analyze", "a", "--name", "a/b"}), HasSubstr("letters"));
  EXPECT_THAT(refusal({"analyze", "a", "--name", "insitu"}), HasSubstr("reserved"));
  EXPECT_THAT(refusal({"watch", "a", "--every", "0"}), HasSubstr("seconds, at least 0.1"));
  EXPECT_THAT(refusal({"sweep"}), HasSubstr("an action is missing"));
  EXPECT_THAT(refusal({"sweep", "plam", "a"}), HasSubstr("mean plan?"));
  EXPECT_THAT(refusal({"sweep", "plan", "a", "--throttle", "2"}), HasSubstr("submit and resubmit"));
  EXPECT_THAT(refusal({"sweep", "resubmit", "a"}), HasSubstr("say which cells"));
}

TEST(CommandLineTest, what_would_be_dropped_is_refused) {
  EXPECT_THAT(refusal({"simulate", "a", "--allow-config-change"}),
              HasSubstr("--allow-config-change means nothing without --resume"));
  EXPECT_THAT(refusal({"simulate", "a", "--dry-run", "--print-config"}),
              HasSubstr("--print-config and --dry-run exclude each other"));
  EXPECT_THAT(refusal({"inspect", "a", "--rebuild-index", "--verify"}),
              HasSubstr("--rebuild-index and --verify exclude each other"));
  EXPECT_THAT(refusal({"inspect", "a", "--rebuild-index", "--pack", "b"}), HasSubstr("and --pack"));
  EXPECT_THAT(refusal({"inspect", "a", "--clean", "--remove", "b"}), HasSubstr("--remove"));
  EXPECT_THAT(refusal({"inspect", "a", "--json", "--verify"}), HasSubstr("--json and --verify"));
  EXPECT_THAT(refusal({"analyze", "a", "--out", "b", "--resume"}), HasSubstr("--resume and --out"));
  EXPECT_THAT(refusal({"watch", "a", "--every", "3", "--once"}), HasSubstr("--every and --once"));
  EXPECT_THAT(refusal({"analyze", "a", "--missing", "--resume"}), HasSubstr("--missing and"));
  EXPECT_THAT(refusal({"sweep", "plan", "a", "--script", "slurm/sweep.sbatch"}),
              HasSubstr("sweep plan: --script belongs to submit and resubmit"));
}

/// Rules that name no option or action of their command would never hold.
TEST(CommandLineTest, what_options_need_and_exclude_is_there) {
  for (auto const& command : program_commands()) {
    std::vector<std::string> names;
    for (auto const& option : command.options) names.push_back(option.name);
    for (auto const& option : command.options) {
      if (!option.needs.empty()) {
        EXPECT_THAT(names, Contains(option.needs));
      }
      EXPECT_THAT(names, IsSupersetOf(option.excludes));
      EXPECT_THAT(command.text.actions, IsSupersetOf(option.actions));
    }
  }
}

TEST(CommandLineTest, an_analysis_that_goes_on_takes_only_what_belongs_to_the_machine) {
  for (auto const* key : {"data.dir=/x", "run.threads=2", "run.device=cpu"}) {
    EXPECT_EQ(refusal({"analyze", "a", "--resume", "--set", key}), "nothing was thrown");
  }
  for (auto const* key : {"analysis.alphas=5", "analysis.memory=2000000", "analysis.ranks=2"}) {
    EXPECT_THAT(refusal({"analyze", "a", "--missing", "--set", key}),
                AllOf(HasSubstr("take the settings"), HasSubstr("data.dir")))
        << key;
  }
}

TEST(CommandLineTest, commands_of_all_ranks) {
  EXPECT_TRUE(is_parallel({"simulate", "--help"}));
  EXPECT_TRUE(is_parallel({"analyze"}));
  EXPECT_FALSE(is_parallel({"sweep"}));
  EXPECT_FALSE(is_parallel({"simulat"}));
  EXPECT_FALSE(is_parallel({}));
}

/// As the manual page has it, with dashes that can be copied.
std::string in_manual(std::string const& text) {
  std::string result;
  for (char const c : text) result += c == '-' ? "\\-" : std::string(1, c);
  return "\\fB" + result + "\\fR";
}

TEST(CommandLineTest, the_manual_page_and_the_completion_have_every_command_option_and_key) {
  auto const page = manual(program_commands());
  auto const script = bash_completion(program_commands());
  for (auto const& command : program_commands()) {
    EXPECT_THAT(page, HasSubstr("\\fBfedstrata " + command.text.name + "\\fR"));
    EXPECT_THAT(page, HasSubstr(".SS \"" + command.text.name + " "));
    for (auto const& option : command.options) {
      EXPECT_THAT(page, HasSubstr(in_manual("--" + option.name)));
      EXPECT_THAT(script, HasSubstr("--" + option.name));
    }
    for (auto const& action : command.text.actions) EXPECT_THAT(script, HasSubstr(action));
  }
  for (auto const& key : config_keys()) {
    auto const dot = key.name.find('.');
    EXPECT_THAT(page, HasSubstr(".SS [" + key.name.substr(0, dot) + "]"));
    EXPECT_THAT(page, HasSubstr(in_manual(key.name.substr(dot + 1)) + " = "));
    EXPECT_THAT(script, HasSubstr(key.name + "="));
  }
  for (auto const& key : group_keys()) EXPECT_THAT(page, HasSubstr(in_manual(key.name) + " = "));
  EXPECT_THAT(script, HasSubstr("'values train.schedule') echo 'constant step cosine'"));
  EXPECT_THAT(refusal({"--completion", "zsh"}), HasSubstr("allowed: bash"));
  EXPECT_THAT(refusal({"--completion"}), HasSubstr("allowed: bash"));
}

/// The section of a command in docs/commands.md.
std::string documentation(ProgramCommand const& command) {
  std::ostringstream out;
  out << "## fedstrata " << command.text.name << ' ' << arguments_of(command.text) << "\n\n"
      << command.text.summary << "\n\n| option | meaning |\n|---|---|\n";
  for (auto const& option : command.options) {
    out << "| `--" << option.name << (option.argument.empty() ? "" : " ") << option.argument
        << "` | " << option.help << " |\n";
  }
  return out.str();
}

TEST(CommandLineTest, the_documentation_has_every_command_with_its_options) {
  std::ifstream file(FEDSTRATA_SOURCE_DIR "/docs/commands.md");
  std::ostringstream text;
  text << file.rdbuf();
  for (auto const& command : program_commands()) {
    EXPECT_THAT(text.str(), HasSubstr(documentation(command)));
  }
}

}  // namespace
}  // namespace fedstrata
