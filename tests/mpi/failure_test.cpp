// A rank that fails ends all ranks, soon, with one sentence and the right exit code.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

struct Outcome {
  int code = -1;
  double seconds = 0.0;
  std::vector<std::string> sentences;  ///< lines of our own, whatever the launcher adds
};

class FailureTest : public testing::Test {
 protected:
  FailureTest() {
    for (auto const& [name, value] : std::vector<std::pair<char const*, char const*>>{
             {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
             {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
             {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
             {"OMPI_MCA_mpi_yield_when_idle", "1"},
             {"OMPI_MCA_hwloc_base_binding_policy", "none"},
             {"OMP_NUM_THREADS", "1"}}) {
      setenv(name, value, 1);
    }
    std::ofstream(directory_.path() / "tiny.ini")
        << "[model]\nname = mlp\nhidden = 8\n[data]\ndataset = synthetic\nclients = 3\n"
           "train_limit = 60\ntest_limit = 10\n[federation]\nrounds = 3\n";
  }

  std::filesystem::path out() const { return directory_.path() / "run"; }

  Outcome simulate(int ranks, std::string const& options) const {
    auto const config = (directory_.path() / "tiny.ini").string();
    auto const command = std::string(FEDSTRATA_MPIEXEC) + " -n " + std::to_string(ranks) + " " +
                         FEDSTRATA_BINARY + " simulate " + config + " --out " + out().string() +
                         " " + options + " 2>&1";
    auto const start = std::chrono::steady_clock::now();
    Outcome outcome;
    auto* const pipe = popen(command.c_str(), "r");
    std::string text;
    std::array<char, 4096> buffer{};
    while (auto const n = fread(buffer.data(), 1, buffer.size(), pipe))
      text.append(buffer.data(), n);
    int const status = pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - start;
    outcome.seconds = elapsed.count();
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      bool const ours = line.rfind("fedstrata", 0) == 0;
      if (ours && line.find("warning:") == std::string::npos) outcome.sentences.push_back(line);
    }
    EXPECT_FALSE(outcome.sentences.empty()) << text;
    return outcome;
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(FailureTest, a_client_rank_that_fails_ends_the_run_with_code_1) {
  for (int const ranks : {1, 3}) {
    auto const outcome = simulate(ranks, "--set train.lr=1e30");
    EXPECT_EQ(outcome.code, 1);
    ASSERT_EQ(outcome.sentences.size(), 1u);
    EXPECT_NE(outcome.sentences[0].find("diverged in round 1 (layer "), std::string::npos)
        << outcome.sentences[0];
    EXPECT_LT(outcome.seconds, 30.0);
    std::filesystem::remove_all(out());
  }
}

TEST_F(FailureTest, bad_input_ends_all_ranks_with_code_2_before_anything_is_made) {
  for (std::string const options :
       {"--set model.name=mpl", "--set data.clients=1", "--frobnicate"}) {
    auto const outcome = simulate(4, options);
    EXPECT_EQ(outcome.code, 2) << options;
    EXPECT_EQ(outcome.sentences.size(), 1u) << options;
    EXPECT_FALSE(std::filesystem::exists(out())) << options;
  }
}

}  // namespace
}  // namespace fedstrata
