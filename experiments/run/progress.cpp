#include "experiments/run/progress.hpp"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "common/base/error.hpp"
#include "common/base/format.hpp"
#include "common/store/names.hpp"
#include "experiments/view/view.hpp"

namespace fedstrata {
namespace {

constexpr double kLineEvery = 10.0;  // seconds between lines when the output is no terminal

std::string cell(double value) { return std::isnan(value) ? "" : fixed(value, 6); }

void add_row(std::ostringstream& out, std::string const& role, std::vector<double> const& columns) {
  out << "  " << role << std::string(role.size() < 31 ? 31 - role.size() : 1, ' ');
  for (double const value : columns) {
    auto const text = fixed(value, 2);
    out << std::string(text.size() < 11 ? 11 - text.size() : 1, ' ') << text;
  }
  out << '\n';
}

/// mpirun gives its ranks a terminal even where its own output goes to a file or a pipe; mpirun is
/// the parent of rank 0.
bool watched() {
  std::error_code unknown;
  auto const parent = "/proc/" + std::to_string(getppid()) + "/fd/1";
  auto const kind = std::filesystem::status(parent, unknown).type();
  bool const hidden = kind == std::filesystem::file_type::regular ||
                      kind == std::filesystem::file_type::fifo ||
                      kind == std::filesystem::file_type::socket;
  return isatty(STDOUT_FILENO) != 0 && !hidden;
}

}  // namespace

Progress::Progress(Experiment const& experiment, std::filesystem::path const& directory,
                   std::optional<std::int64_t> resume_round)
    : rounds_(experiment.config.federation.rounds),
      terminal_(watched()),
      first_(resume_round.value_or(0)) {
  std::string kept;
  for (auto const& row :
       resume_round ? read_progress_rows(directory) : std::vector<ProgressRow>{}) {
    if (row.round > *resume_round) continue;
    kept += row.line + '\n';
    seconds_before_ = row.seconds;
  }
  csv_.open(directory / RunNames::kProgress);
  csv_ << "round,seconds,participants,train_loss,train_accuracy,test_loss,test_accuracy,bytes,"
          "test_accuracy_after,test_loss_after,test_accuracy_local_after\n"
       << kept;
  csv_.flush();
}

std::string Progress::line(RoundRecord const& record) const {
  double const elapsed = since_start_.seconds();
  auto const done = static_cast<double>(record.round - first_);
  std::string text = "round " + std::to_string(record.round) + "/" + std::to_string(rounds_) +
                     "  " + test_.text() + "  train loss " + compact(record.train_loss, 4);
  if (done > 0.0) {
    text += "  " + compact(done / elapsed, 2) + " rounds/s  " +
            compact(static_cast<double>(updates_) / elapsed, 1) + " client updates/s  " +
            time_text(elapsed / done * static_cast<double>(rounds_ - record.round)) + " left";
  }
  return text;
}

void Progress::round(RoundRecord const& record) {
  updates_ += record.participants;
  // The clients' models: where layers are averaged seldom or never, no client uses the global one.
  test_.update({.accuracy = record.test_accuracy, .loss = record.test_loss});
  test_.update({.accuracy = record.test_accuracy_after,
                .own_accuracy = record.test_accuracy_local_after,
                .loss = record.test_loss_after});
  csv_ << record.round << ',' << fixed(seconds_before_ + since_start_.seconds(), 3) << ','
       << record.participants << ',' << cell(record.train_loss) << ','
       << cell(record.train_accuracy) << ',' << cell(record.test_loss) << ','
       << cell(record.test_accuracy) << ',' << record.bytes << ','
       << cell(record.test_accuracy_after) << ',' << cell(record.test_loss_after) << ','
       << cell(record.test_accuracy_local_after) << '\n';
  csv_.flush();
  require(csv_.good(), std::string(RunNames::kProgress) +
                           " could not be written (is the disk full?); what was complete "
                           "before stays valid");
  double const now = since_start_.seconds();
  bool const last = record.round == rounds_;
  if (terminal_) {
    // A line that the terminal breaks could not be written over.
    auto const text = cut(line(record), standard_output().width);
    std::printf("\r\033[K%s%s", text.c_str(), last ? "\n" : "");
  } else if (last || now - last_line_ >= kLineEvery) {
    std::printf("%s  %s\n", time_of_day().c_str(), line(record).c_str());
    last_line_ = now;
  }
  std::fflush(stdout);
}

void Progress::training_done() {
  std::printf("%s  training took %s\n", time_of_day().c_str(),
              time_text(since_start_.seconds()).c_str());
  std::fflush(stdout);
}

std::string time_table(Layout const& layout, std::vector<TimeShares> const& ranks, double wall) {
  std::ostringstream out;
  out << "where the time went (seconds; " << fixed(wall, 1) << " in all)\n";
  out << "  role                                 train  aggregate       wait   evaluate   analysis "
         "     "
         "store\n";
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    int const r = static_cast<int>(rank);
    auto const& t = ranks[rank];
    add_row(out, std::to_string(rank) + " " + layout.role(r),
            {t.train, t.aggregate, t.wait, t.evaluate, t.analysis, t.store});
  }
  return out.str();
}

}  // namespace fedstrata
