#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/config/config.hpp"
#include "common/data/dataset.hpp"
#include "common/federation/layout.hpp"

namespace fedstrata {

/// Throws InputError where there are more client ranks than clients; `remedy` ends the sentence.
void check_idle_ranks(Layout const& layout, Config const& config, std::string const& remedy);

/// What `simulate` finds wrong before it makes a run, without making one: for many settings that
/// the same number of ranks is to run. Of each data set only the targets are kept.
class RunChecks {
 public:
  /// `remedy`: ends the sentence about ranks that would idle.
  RunChecks(int ranks, std::string remedy) : ranks_(ranks), remedy_(std::move(remedy)) {}

  /// Throws InputError where ranks, clients, model, averaging groups, data and analysis do not fit
  /// together. Where the data cannot be read here, all is checked that needs no sample.
  void check(Config const& config);
  /// Why data could not be read, of the first that could not; "" = all could.
  std::string const& unread() const { return unread_; }

 private:
  struct Targets {
    bool known = false;
    DatasetInfo info;
    std::vector<std::uint8_t> of_training;
    std::vector<std::int32_t> owners;
  };
  Targets const& targets(Config const& config);

  int ranks_;
  std::string remedy_;
  std::map<std::string, Targets> data_;  ///< by the settings that it depends on
  std::string unread_;
};

}  // namespace fedstrata
