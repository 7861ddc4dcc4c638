#include "experiments/sweep/slurm_queue.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "experiments/sweep/processes.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(std::string const& text) {
  auto lines = split(text, '\n');
  std::erase(lines, "");
  return lines;
}

/// One line of `text`, for a message.
std::string first_line(std::string const& text) {
  auto const lines = lines_of(text);
  return lines.empty() ? "no reason given" : lines[0];
}

/// Arrays may have as many elements: their indices are below MaxArraySize.
std::size_t max_array_size() {
  auto const config = run_process({"scontrol", "show", "config"});
  require_input(config.code == 0, "Slurm does not answer (" + first_line(config.text) +
                                      "); `fedstrata sweep run` needs none");
  for (auto const& line : lines_of(config.text)) {
    auto const equals = line.find('=');
    std::size_t size = 0;
    if (line.starts_with("MaxArraySize") && equals != std::string::npos &&
        read_number(trim(line.substr(equals + 1)), size) && size > 0) {
      return size;
    }
  }
  throw InputError(
      "`scontrol show config` names no MaxArraySize above 0; this Slurm takes no arrays");
}

std::string number_text(std::size_t number) {
  auto const digits = std::to_string(number);
  return std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
}

}  // namespace

QueueView SlurmQueue::view() const {
  std::map<std::string, std::vector<std::string>> arrays;  // job -> cells
  for (auto const& name : list_files(directory_, ".job")) {
    auto const job = directory_ / name;
    auto const cells = fs::path(job).replace_extension(".cells");
    arrays[trim(read_text(job))] = lines_of(read_text(cells));
  }
  if (arrays.empty() || !has_program("squeue")) return {};
  auto const answer = run_process({"squeue", "--noheader", "--array", "--user",
                                   std::to_string(geteuid()), "--format=%F %K %T"});
  if (answer.code != 0) {
    log::warning("squeue does not answer (" + first_line(answer.text) +
                 "); what is queued or just starting is not known");
    return {};
  }
  QueueView view;
  for (auto const& line : lines_of(answer.text)) {
    std::istringstream words(line);
    std::string job, state;
    std::size_t index = 0;
    if (!(words >> job >> index >> state)) continue;
    auto const found = arrays.find(job);
    if (found == arrays.end() || index >= found->second.size()) continue;
    bool const runs = state == "RUNNING" || state == "COMPLETING" || state == "SUSPENDED";
    auto& running = view[found->second[index]];
    running = running || runs;
  }
  return view;
}

std::vector<std::string> SlurmQueue::submit(std::vector<std::string> const& cells,
                                            std::vector<std::string> const& options,
                                            std::vector<std::string> const& command,
                                            int throttle) const {
  std::size_t const limit = max_array_size();
  fs::create_directories(directory_);
  std::vector<std::string> jobs;
  for (std::size_t begin = 0; begin < cells.size(); begin += limit) {
    std::vector<std::string> const part(
        cells.begin() + static_cast<long>(begin),
        cells.begin() + static_cast<long>(std::min(begin + limit, cells.size())));
    std::size_t number = 1;
    while (fs::exists(directory_ / (number_text(number) + ".cells"))) ++number;
    auto const list = directory_ / (number_text(number) + ".cells");
    write_text(list, join(part, "\n") + "\n");
    std::vector<std::string> words = {
        "sbatch", "--parsable",
        "--array=0-" + std::to_string(part.size() - 1) +
            (throttle > 0 ? std::string(1, '%') + std::to_string(throttle) : "")};
    // A limit holds for one array: with it they come one after another.
    if (throttle > 0 && !jobs.empty()) words.push_back("--dependency=afterany:" + jobs.back());
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), command.begin(), command.end());
    words.push_back(list.string());
    auto const answer = run_process(words);
    auto const lines = lines_of(answer.text);
    if (answer.code != 0 || lines.empty()) {
      fs::remove(list);
      std::string const why = "sbatch refused the job: " + first_line(answer.text);
      require_input(!jobs.empty(), why);
      throw Error(why + " (" + join(jobs, ", ") + " were submitted before)");
    }
    // "JOB" or "JOB;CLUSTER", below what Slurm may have to say.
    jobs.push_back(lines.back().substr(0, lines.back().find(';')));
    write_text(fs::path(list).replace_extension(".job"), jobs.back() + "\n");
  }
  return jobs;
}

}  // namespace fedstrata
