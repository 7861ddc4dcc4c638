#include "common/data/forms/image_files.hpp"

#include <algorithm>
#include <system_error>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {

namespace fs = std::filesystem;

fs::path ImageFiles::directory(std::string const& wanted) const {
  auto const& name = info.name;
  require_input(!wanted.empty() || !package_dir.empty(),
                "data.dir is needed for data.dataset = " + name +
                    ": set it to the folder that holds " + join(train, ", ") + ", " +
                    join(test, ", "));
  fs::path const dir = wanted.empty() ? package_dir : wanted;
  require_input(
      fs::is_directory(dir),
      "data.dir = " + dir.string() + " is not a directory: " +
          (wanted.empty() ? "install Debian's package dataset-" + name + " or set data.dir"
                          : "set it to the folder that holds the files of " + name));
  return dir;
}

fs::path ImageFiles::find(fs::path const& dir, std::string const& name) const {
  std::vector<std::string> names{name};
  if (!packed_suffix.empty()) names.push_back(name + packed_suffix);
  for (auto const& in : {dir, dir / folder})
    for (auto const& candidate : names)
      if (std::error_code ignored; fs::is_regular_file(in / candidate, ignored))
        return in / candidate;
  throw InputError("data.dir = " + dir.string() + " lacks a file of " + info.name +
                   ": looked for " + join(names, ", ") + " there and in its sub-folder " + folder);
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
