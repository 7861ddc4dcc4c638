#include "experiments/sweep/file.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "common/base/error.hpp"
#include "common/base/names.hpp"
#include "common/base/text.hpp"

// Only the form is read here: keys and values of the configuration are taken as text, and are
// looked at when cells are made of them, where the base config is known.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxRanks = 100'000;

struct Preset {
  std::string name;
  std::vector<SweepAxis> axes;
};

/// The grids of the paper's study, in selectors that suit any model of three layers or more.
std::vector<Preset> const& presets() {
  static SweepAxis const intervals = {"average.all.every", {"1", "2", "5", "10"}};
  static SweepAxis const layers = {
      "average.all.layers", {"all", "body", "head", "first:2", "middle:2", "last:2", "rotate"}};
  static std::vector<Preset> const all = {
      {"interval-x-layers", {intervals, layers}}, {"intervals", {intervals}}, {"layers", {layers}}};
  return all;
}

std::vector<std::string> preset_list() {
  std::vector<std::string> names;
  for (auto const& preset : presets()) names.push_back(preset.name);
  return names;
}

/// Reading of one file.
class Reader {
 public:
  explicit Reader(std::string source) { file_.source = std::move(source); }

  SweepFile read(std::string const& text) {
    auto const given = read_ini(text, file_.source);
    check_sections(given.sections);
    auto const place = fs::path(file_.source);
    file_.name = place.stem().string();
    for (auto const& item : given.assignments) {
      auto const dot = item.key.find('.');
      require_input(dot != std::string::npos,
                    item.source + ": key '" + item.key + "' belongs to no section");
      read(item.key.substr(0, dot), {item.key.substr(dot + 1), item.value, item.source});
    }
    require_input(!file_.base.empty(),
                  where() +
                      "sweep.base is missing; name the config file that all cells start "
                      "from, relative to this file");
    require_input(is_plain_name(file_.name), where() + "sweep.name = '" + file_.name +
                                                 "': a name is made of letters, digits, _ and -");
    require_input(!file_.axes.empty() || !file_.cells.empty(),
                  where() +
                      "there are no cells: write axes in [axes], cells in [cells], or "
                      "sweep.preset = " +
                      join(preset_list(), " | "));
    if (file_.directory.empty()) file_.directory = "runs/" + file_.name;
    file_.former_directory = file_.directory;
    for (auto* path : {&file_.base, &file_.directory}) {
      *path = (place.parent_path() / *path).lexically_normal().string();
    }
    return std::move(file_);
  }

 private:
  std::string where() const { return file_.source + ": "; }

  static void check_sections(std::vector<IniSection> const& sections) {
    std::vector<std::string> const known = {"sweep", "set", "axes", "cells", "exclude"};
    for (auto const& [section, source] : sections) {
      require_input(std::count(known.begin(), known.end(), section) > 0,
                    source + ": unknown section [" + section + "]" + suggestion(section, known) +
                        " (sections of a sweep: " + join(known, ", ") +
                        "; settings of all cells go to [set])");
    }
  }

  void read(std::string const& section, Assignment const& item) {
    if (section == "sweep") {
      read_key(item);
    } else if (section == "set") {
      file_.set.push_back(item);
    } else if (section == "axes") {
      set_axis({item.key, values_of(item.source + ": axes." + item.key, item.value), item.source});
    } else {
      auto& rules = section == "cells" ? file_.cells : file_.exclude;
      rules.push_back(read_rule(section, item));
    }
  }

  void read_key(Assignment const& item) {
    std::vector<std::string> const known = {"base", "name", "dir", "ranks", "preset"};
    require_input(std::count(known.begin(), known.end(), item.key) > 0,
                  item.source + ": unknown key sweep." + item.key + suggestion(item.key, known) +
                      " (keys of [sweep]: " + join(known, ", ") + ")");
    require_input(!item.value.empty(), item.source + ": sweep." + item.key + " needs a value");
    if (item.key == "base") file_.base = item.value, file_.base_source = item.source;
    if (item.key == "name") file_.name = item.value;
    if (item.key == "dir") file_.directory = item.value;
    if (item.key == "preset") add_preset(item);
    if (item.key == "ranks") {
      file_.ranks_source = item.source;
      require_input(
          read_number(item.value, file_.ranks) && file_.ranks >= 1 && file_.ranks <= kMaxRanks,
          item.source + ": sweep.ranks = '" + item.value +
              "' is not possible; allowed: integer >= 1");
    }
  }

  void add_preset(Assignment const& item) {
    auto const& name = item.value;
    auto const found = std::find_if(presets().begin(), presets().end(),
                                    [&](auto const& preset) { return preset.name == name; });
    require_input(found != presets().end(),
                  item.source + ": sweep.preset = '" + name + "' is not possible; allowed: " +
                      join(preset_list(), " | ") + suggestion(name, preset_list()));
    // Axes of the file, which may stand above, have the last word.
    auto const own = std::move(file_.axes);
    file_.axes = found->axes;
    for (auto const& axis : own) set_axis(axis);
  }

  void set_axis(SweepAxis const& axis) {
    for (auto& there : file_.axes) {
      if (there.key == axis.key) {
        there = axis;
        return;
      }
    }
    file_.axes.push_back(axis);
  }

  /// Values between bars. An empty value may be one of several (data.dir = | /data). `key` is how
  /// messages begin.
  static std::vector<std::string> values_of(std::string const& key, std::string const& text) {
    std::vector<std::string> values;
    for (std::size_t begin = 0; begin <= text.size();) {
      auto const end = std::min(text.find('|', begin), text.size());
      values.push_back(trim(text.substr(begin, end - begin)));
      begin = end + 1;
    }
    require_input(values.size() > 1 || !values[0].empty(),
                  key + " has no values; separate them by |");
    std::set<std::string> seen;
    for (auto const& value : values) {
      require_input(seen.insert(value).second,
                    key + " has the value '" + value + "' twice; keep one");
    }
    return values;
  }

  static SweepRule read_rule(std::string const& section, Assignment const& item) {
    std::string const name = item.source + ": " + section + "." + item.key;
    require_input(is_plain_name(item.key), name + ": a name is made of letters, digits, _ and -");
    SweepRule rule{item.key, {}};
    std::set<std::string> seen;
    for (auto const& part : split(item.value, '&')) {
      auto const equals = part.find('=');
      require_input(equals != std::string::npos && equals > 0,
                    name + ": '" + part +
                        "' is not possible; write section.key=value & section.key=value | value");
      auto const key = trim(part.substr(0, equals));
      require_input(seen.insert(key).second, name + " has " + key + " twice; keep one");
      rule.axes.push_back(
          {key, values_of(name + ": " + key, part.substr(equals + 1)), item.source});
    }
    require_input(!rule.axes.empty(),
                  name + " is empty; write section.key=value & section.key=value | value");
    return rule;
  }

  SweepFile file_;
};

}  // namespace

SweepFile parse_sweep(std::string const& text, std::string const& source) {
  return Reader(source).read(text);
}

}  // namespace fedstrata
