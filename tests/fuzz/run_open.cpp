// Opening of a run with damaged files. Input: who opens it; per damage a file, what happens to it,
// where, and with which bytes.
#include <hdf5.h>
#include <time.h>

#include <algorithm>

#include "common/base/files.hpp"
#include "common/store/upkeep/maintenance.hpp"
#include "common/store/names.hpp"
#include "tests/fuzz/sample.hpp"

namespace {

using namespace fedstrata;

std::set<std::string> damaged;

/// The content after one damage; nothing when the file is removed.
std::optional<std::string> damage(std::string content, fuzz::Input& input) {
  auto const kind = input.byte() % 6;
  auto const place = std::size_t{256} * input.byte() + input.byte();
  auto const at = content.empty() ? 0 : place * content.size() / 65536;
  auto const replace = [&](std::size_t from, std::string const& bytes) {
    content.replace(std::min(from, content.size()), bytes.size(), bytes);
  };
  switch (kind) {
    case 0:
      if (!content.empty()) content[at] = static_cast<char>(content[at] ^ (1 << input.byte() % 8));
      return content;
    case 1:
      content.resize(at);
      return content;
    case 2:
      return std::nullopt;
    case 3:
      replace(at, std::string(input.byte(), '\0'));
      return content;
    case 4: {
      auto const bytes = input.bytes(input.byte() % 16);
      replace(at, {bytes.begin(), bytes.end()});
      return content;
    }
    default:  // holds another file
      auto const& names = fuzz::sample().names();
      return fuzz::sample().content(names[place % names.size()]);
  }
}

bool names_a_damaged_file(std::string const& message) {
  return std::any_of(damaged.begin(), damaged.end(), [&](auto const& name) {
    return message.find((fuzz::sample().path() / name).string()) != std::string::npos ||
           message.find("it has no " + name) != std::string::npos;
  });
}

/// Refused, by a sentence that names a damaged file, exactly if `damage_counts`.
template <class Work>
void check_refusal(Work work, bool damage_counts) {
  try {
    work();
  } catch (InputError const& error) {
    fuzz::promise(damage_counts, std::string("what is whole is opened: ") + error.what());
    fuzz::promise(names_a_damaged_file(error.what()),
                  std::string("the damaged file is named: ") + error.what());
    return;
  }
  fuzz::promise(!damage_counts, "damage is found");
}

}  // namespace

extern "C" hid_t __real_H5Fopen(char const* name, unsigned flags, hid_t properties);
extern "C" hid_t __wrap_H5Fopen(char const* name, unsigned flags, hid_t properties) {
  if (damaged.empty()) return __real_H5Fopen(name, flags, properties);
  auto const relative = std::filesystem::path(name).lexically_relative(fuzz::sample().path());
  fuzz::promise(!damaged.contains(relative.string()),
                "no damaged file comes before HDF5, as " + relative.string() + " does");
  return __real_H5Fopen(name, flags, properties);
}

// A reader that finds a damaged index waits for a writer to be done with it; not here.
extern "C" int __wrap_nanosleep(timespec const*, timespec*) { return 0; }

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto& run = fuzz::sample();
  fuzz::Input input(data, size);
  auto const reader = input.byte() % 3;
  while (!input.empty() && damaged.size() < 4) {
    auto const name = run.names()[input.byte() % run.names().size()];
    auto const content = damage(run.content(name), input);
    run.put(name, content ? &*content : nullptr);
    // The other lines of the sidecar tell of earlier indices, DONE only that it is there.
    auto const& whole = run.content(name);
    bool const harmless =
        content && (name == RunNames::kDone || *content == whole ||
                    (name == RunNames::kIndexSum &&
                     content->find(whole.substr(0, whole.find('\n') + 1)) != std::string::npos));
    harmless || name == RunNames::kDone ? damaged.erase(name) : damaged.insert(name).second;
  }
  auto const size_changed = [&](std::string const& name) {
    std::error_code error;
    return std::filesystem::file_size(run.path() / name, error) != run.content(name).size();
  };
  bool const tables = std::any_of(damaged.begin(), damaged.end(), [&](auto const& name) {
    return !name.starts_with(RunNames::kCheckpoints) || size_changed(name);
  });
  if (reader == 0)
    check_refusal([&] { Run::open(run.path()).metrics<RoundRecord>(); }, !damaged.empty());
  if (reader == 1)
    check_refusal([&] { Run::open(run.path(), Verify::tables).metrics<RoundRecord>(); }, tables);
  if (reader == 2)
    fuzz::accepted([&] {
      auto const problems = verify_run(run.path());
      fuzz::promise(problems.size() == damaged.size() &&
                        std::all_of(problems.begin(), problems.end(), names_a_damaged_file),
                    "verify names every damaged file");
    });
  damaged.clear();
  run.restore();
  return 0;
}
