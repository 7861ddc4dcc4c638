#include "experiments/run/deadline.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>

#include "common/base/environment.hpp"
#include "common/base/process/stop.hpp"

namespace fedstrata {
namespace {

bool is_number(std::string const& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// What squeue knows of the job's end; 0 = nothing.
double asked_end(std::string const& job) {
  std::string const command = "timeout 10 squeue -h -j " + job + " -o %e 2>/dev/null";
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> const pipe(::popen(command.c_str(), "r"),
                                                             &::pclose);
  std::array<char, 64> text{};
  std::tm time{};
  if (!pipe || std::fgets(text.data(), text.size(), pipe.get()) == nullptr) return 0.0;
  if (::strptime(text.data(), "%Y-%m-%dT%H:%M:%S", &time) == nullptr) return 0.0;
  time.tm_isdst = -1;
  return static_cast<double>(std::mktime(&time));
}

double job_end() {
  auto const end = environment("SLURM_JOB_END_TIME");
  if (is_number(end)) return std::stod(end);
  auto const job = environment("SLURM_JOB_ID");
  return is_number(job) ? asked_end(job) : 0.0;
}

}  // namespace

void watch_deadline(double minutes, mpi::Comm const& world) {
  double end = 0.0;
  if (world.rank() == 0) {
    end = job_end();
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    double const own = std::chrono::duration<double>(now).count() + 60.0 * minutes;
    if (minutes > 0.0 && (end == 0.0 || own < end)) end = own;
  }
  world.broadcast(std::as_writable_bytes(std::span(&end, 1)), 0);
  stop::set_deadline(end);
}

}  // namespace fedstrata
