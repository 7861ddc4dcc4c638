#include "common/data/forms/image_files.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <system_error>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {

namespace fs = std::filesystem;

namespace {

// A file's name, and those that other tools give it.
std::vector<std::string> names_of(std::string const& name) {
  std::vector<std::string> names{name, name + ".gz"};
  if (auto const at = name.find("-idx"); at != std::string::npos) {
    auto other = name;
    other[at] = '.';
    names.insert(names.end(), {other, other + ".gz"});
  }
  return names;
}

// The directory's full path, without a slash at its end.
fs::path full(fs::path const& dir) {
  std::error_code ignored;
  return (fs::absolute(dir, ignored) / "x").lexically_normal().parent_path();
}

// A directory, the folder in it, and what remains of A/B where the directory is A itself.
std::vector<fs::path> places(fs::path const& dir, fs::path const& folder) {
  std::vector<fs::path> all{dir, dir / folder};
  if (auto const head = *folder.begin(); head != folder && full(dir).filename() == head)
    all.push_back(dir / folder.lexically_relative(head));
  return all;
}

// Of the names the first that is a file in `place`, or in a folder of that name; empty: none.
fs::path find_in(fs::path const& place, std::vector<std::string> const& names) {
  for (auto const& name : names)
    for (auto const& path : {place / name, place / name / name})
      if (std::error_code ignored; fs::is_regular_file(path, ignored)) return path;
  return {};
}

// Where else the files lie: above `dir`, or up to three folders below it; empty: nowhere.
fs::path elsewhere(fs::path const& dir, std::string const& folder,
                   std::vector<std::string> const& names) {
  std::error_code error;
  for (auto const& place : places(full(dir).parent_path(), folder))
    if (!find_in(place, names).empty()) return place;
  constexpr int kDepth = 3, kMost = 10'000;
  int seen = 0;
  auto entry =
      fs::recursive_directory_iterator(dir, fs::directory_options::skip_permission_denied, error);
  for (; !error && entry != fs::recursive_directory_iterator() && seen < kMost;
       entry.increment(error), ++seen) {
    if (entry.depth() + 1 >= kDepth) entry.disable_recursion_pending();
    std::error_code ignored;
    if (entry->is_directory(ignored) && !find_in(entry->path(), names).empty())
      return entry->path();
  }
  return {};
}

// Whether it is an archive, by its name.
bool is_archive(fs::path const& path) {
  auto const name = path.filename().string();
  return std::ranges::any_of(std::array{".tar.gz", ".tgz", ".tar", ".zip"},
                             [&](auto const* end) { return name.ends_with(end); });
}

// What lies there instead, and what to do, to follow a message; "" where nothing is known.
std::string instead(fs::path const& dir, ImageFiles const& files,
                    std::vector<std::string> const& names) {
  auto const& [pickle_folder, pickle] = files.pickles;
  std::error_code error;
  if (!pickle.empty())
    for (auto const& place : {dir, dir / pickle_folder})
      if (fs::is_regular_file(place / pickle, error))
        return "; what lies in " + place.string() +
               " are Python's pickles, and the binary version is needed: python -m fedstrata "
               "data " +
               place.string() + " NEW_DIR converts them";
  if (auto const place = elsewhere(dir, files.folder, names); !place.empty())
    return "; there are such files in " + place.string() + ": set data.dir to it if they are those";
  for (auto entry = fs::directory_iterator(dir, error); !error && entry != fs::directory_iterator();
       entry.increment(error))
    if (is_archive(entry->path()))
      return "; " + entry->path().filename().string() + " there is an archive: unpack it";
  return "";
}

}  // namespace

fs::path ImageFiles::directory(std::string const& wanted) const {
  auto const& name = info.name;
  require_input(!wanted.empty() || !package_dir.empty(),
                "data.dir is needed for data.dataset = " + name +
                    ": set it to the folder that holds " + join(train, ", ") + ", " +
                    join(test, ", "));
  fs::path const dir = wanted.empty() ? package_dir : wanted;
  std::error_code ignored;
  require_input(!fs::is_regular_file(dir, ignored),
                "data.dir = " + dir.string() + " is a file: " +
                    (is_archive(dir) ? "unpack it, and set data.dir to the folder that it makes"
                                     : "set it to the folder that holds the files of " + name));
  require_input(
      fs::is_directory(dir),
      "data.dir = " + dir.string() + " is not a directory" + beginning_of(dir.string()) + ": " +
          (wanted.empty() ? "install Debian's package dataset-" + name + " or set data.dir"
                          : "set it to the folder that holds the files of " + name));
  return dir;
}

fs::path ImageFiles::find(fs::path const& dir, std::string const& name) const {
  auto const names = names_of(name);
  for (auto const& place : places(dir, folder))
    if (auto const found = find_in(place, names); !found.empty()) return found;
  throw InputError("data.dir = " + dir.string() + " lacks a file of " + info.name +
                   ": looked for " + join(names, ", ") + " there and in its sub-folder " + folder +
                   instead(dir, *this, names));
}

DatasetInfo image_info(std::string const& name, std::vector<std::int64_t> const& shape,
                       std::int64_t classes, std::vector<double> const& mean,
                       std::vector<double> const& std) {
  return {.name = name, .shape = shape, .outputs = classes, .mean = mean, .std = std};
}

void check_labels(ByteFile const& file, std::span<std::uint8_t const> labels,
                  DatasetInfo const& known) {
  auto const bad = std::ranges::find_if(labels, [&](auto l) { return l >= known.outputs; });
  if (bad != labels.end())
    file.fail("has label " + std::to_string(*bad) + " in record " +
              std::to_string(bad - labels.begin()) + ", but " + known.name + " has " +
              std::to_string(known.outputs) + " classes: does data.dataset name this file's set?");
}

}  // namespace fedstrata
