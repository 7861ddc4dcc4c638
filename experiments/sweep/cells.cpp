#include "experiments/sweep/cells.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <span>
#include <string_view>

#include "common/base/checksum.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/keys.hpp"
#include "common/config/options.hpp"
#include "common/config/presets.hpp"

// A sweep is a pure function of two texts, the sweep file and the base config. A cell is known by a
// hash of those of its settings that differ from their defaults and affect results or the analysis,
// so that editing the sweep file, or a new version with more keys, leaves finished cells what they
// are.

namespace fedstrata {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kMaxCells = 100'000;
constexpr std::size_t kMaxSlug = 100;
constexpr std::size_t kHashDigits = 10;

/// Group and key of "average.NAME.key"; empty for other keys.
std::pair<std::string, std::string> group_key(std::string const& key) {
  std::string const prefix = "average.";
  auto const dot = key.rfind('.');
  if (!key.starts_with(prefix) || dot < prefix.size()) return {};
  return {key.substr(prefix.size(), dot - prefix.size()), key.substr(dot + 1)};
}

bool has_group(std::vector<AverageGroup> const& groups, std::string const& name) {
  return std::any_of(groups.begin(), groups.end(), [&](auto const& g) { return g.name == name; });
}

std::string value_in(Config const& config, std::string const& key) {
  auto const [name, part] = group_key(key);
  for (auto const& entry : group_keys()) {
    if (entry.name != part) continue;
    for (auto const& group : averaging_groups(config)) {
      if (group.name == name) return entry.get(group);
    }
  }
  for (auto const& entry : config_keys()) {
    if (entry.name == key) return entry.get(config);
  }
  return "";
}

/// Letters, digits, dots; commas become +, anything else but colons, which go, becomes -.
std::string slug_of(std::string const& value) {
  std::string result;
  for (char const c : value) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.') {
      result += c;
    } else if (c != ':') {
      result += c == ',' ? '+' : '-';
    }
  }
  return result;
}

std::string description(Settings const& settings) {
  std::vector<std::string> parts;
  for (auto const& [key, value] : settings) parts.push_back(key + "=" + value);
  return join(parts, " & ");
}

/// Key -> the shortest end of it, in whole parts, that no other column ends with.
std::map<std::string, std::string> short_names(std::vector<std::string> const& columns) {
  std::map<std::string, std::string> result;
  for (auto const& key : columns) {
    auto dot = key.rfind('.');
    auto const shared = [&](std::string const& end) {
      return std::count_if(columns.begin(), columns.end(), [&](auto const& other) {
               return ("." + other).ends_with("." + end);
             }) > 1;
    };
    while (dot != std::string::npos && shared(key.substr(dot + 1))) {
      dot = dot == 0 ? std::string::npos : key.rfind('.', dot - 1);
    }
    result[key] = dot == std::string::npos ? key : key.substr(dot + 1);
  }
  return result;
}

/// The values that one which is not possible may have been meant to be: its parts between commas,
/// ampersands, semicolons, bars or blanks, where each is possible; else "".
std::string values_meant(Config const& config, Assignment const& item) {
  auto text = item.value;
  for (char& c : text) {
    if (std::string_view(",&;|").find(c) != std::string_view::npos) c = ' ';
  }
  std::vector<std::string> values;
  for (auto const& part : split(text, ' ')) {
    if (!part.empty()) values.push_back(part);
  }
  try {
    for (auto const& value : values) {
      auto copy = config;
      apply(copy, {item.key, value, item.source});
    }
  } catch (InputError const&) {
    return "";
  }
  return values.size() < 2 ? "" : item.key + " = " + join(values, " | ");
}

/// What a setting is written in: [set], [axes], or a rule of [cells] or [exclude].
enum class Section { set, axes, rule };

/// How several values, or several settings, are written, where a value that is not possible looks
/// like them; else "".
std::string hint(Config const& config, Assignment const& item, Section section) {
  if (section == Section::rule && item.value.find('=') != std::string::npos) {
    return "; settings of one cell are joined by &";
  }
  auto const meant = values_meant(config, item);
  if (meant.empty()) return "";
  return section == Section::set ? "; what varies belongs to [axes]: " + meant
                                 : "; values are separated by |: " + meant;
}

/// Makes the cells of one sweep.
class Maker {
 public:
  Maker(SweepFile const& sweep, std::string const& base)
      : sweep_(sweep),
        base_(parse_config(base, sweep.base)),
        columns_(sweep_columns(sweep)),
        short_(short_names(columns_)) {
    check_columns();
  }

  std::vector<SweepCell> make() {
    if (!sweep_.axes.empty()) add_product("", sweep_.axes);
    for (auto const& rule : sweep_.cells) add_product(rule.name, rule.axes);
    for (auto const& rule : sweep_.exclude) exclude(rule);
    require_input(!cells_.empty(), where() + "every cell is excluded; nothing is left to run");
    return std::move(cells_);
  }

 private:
  std::string where() const { return sweep_.source + ": "; }

  void check_columns() const {
    for (auto const& key : columns_) {
      auto const effect = effect_of(key);  // none: told of when the key is set
      require_input(!effect || effect->numbers(),
                    where() + key +
                        " cannot vary in a sweep: it does not change results, so the cells would "
                        "be the same; set it in [set]");
      for (auto const& item : sweep_.set) {
        require_input(item.key != key,
                      where() + key + " is in [set] and varies as well; keep one of them");
      }
    }
  }

  /// The base without its averaging groups where `all`, the settings of a cell, name others or a
  /// preset: layers would be in two groups.
  Config base_for(std::vector<Assignment> const& all) const {
    auto config = base_;
    for (auto const& [key, value, source] : all) {
      auto const name = group_key(key).first;
      bool const foreign = !name.empty() && !has_group(averaging_groups(base_), name);
      if (foreign || key == "federation.preset") config.average.clear();
      if (foreign) config.federation.preset.clear();
    }
    return config;
  }

  void add_product(std::string const& name, std::vector<SweepAxis> const& axes) {
    std::size_t count = 1;
    for (auto const& axis : axes) {
      count *= axis.values.size();
      require_input(count + cells_.size() <= kMaxCells, where() + "the sweep has more than " +
                                                            std::to_string(kMaxCells) +
                                                            " cells; leave out values or split it");
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<Assignment> settings(axes.size());
      for (std::size_t rest = i, k = axes.size(); k-- > 0;) {
        settings[k] = {axes[k].key, axes[k].values[rest % axes[k].values.size()],
                       axes[k].source.empty() ? sweep_.source : axes[k].source};
        rest /= axes[k].values.size();
      }
      add(name, settings);
    }
  }

  void add(std::string const& name, std::vector<Assignment> const& given) {
    Settings settings;
    for (auto const& item : given) settings.emplace_back(item.key, item.value);
    auto all = sweep_.set;
    all.insert(all.end(), given.begin(), given.end());
    SweepCell cell{"", name, "", settings, base_for(all)};
    set(cell.config, all, name);
    try {
      check_consistency(cell.config, "");
    } catch (InputError const& error) {
      throw InputError(cell_problem(sweep_, cell, std::string(error.what()).substr(2)));
    }
    cell.hash = settings_hash(cell.config);
    auto const [first, fresh] = seen_.emplace(cell.hash, name);
    if (!fresh) {
      bool const in_axes = first->second.empty();
      require_input(first->second == name, given.front().source + ": cells." + name + " (" +
                                               description(settings) + ") is the same run as " +
                                               (in_axes ? "a cell of [axes], which has no name"
                                                        : "cells." + first->second) +
                                               "; leave one of them out");
      return;
    }
    auto const text = slug(name, settings);
    cell.name = text + (text.empty() ? "" : "-") + cell.hash;
    cells_.push_back(std::move(cell));
  }

  /// Sets what [set] and a cell called `name` say.
  void set(Config& config, std::vector<Assignment> const& all, std::string const& name) const {
    auto const untouched = config;
    try {
      apply_all(config, all);
    } catch (InputError const& error) {
      std::string const sentence = error.what();
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (sentence.find(all[i].key + " = '" + all[i].value + "'") == std::string::npos) continue;
        auto const section = i < sweep_.set.size() ? Section::set
                             : name.empty()        ? Section::axes
                                                   : Section::rule;
        throw InputError(sentence + hint(untouched, all[i], section));
      }
      throw;
    }
  }

  std::string slug(std::string const& name, Settings const& settings) const {
    std::vector<std::string> parts;
    if (!name.empty()) parts.push_back(name);
    for (auto const& [key, value] : settings) {
      parts.push_back(short_.at(key) + "-" + slug_of(value));
    }
    return join(parts, "_").substr(0, kMaxSlug);
  }

  void exclude(SweepRule const& rule) {
    auto const fits = [&](SweepCell const& cell) {
      return std::all_of(rule.axes.begin(), rule.axes.end(), [&](SweepAxis const& axis) {
        return std::any_of(axis.values.begin(), axis.values.end(), [&](auto const& value) {
          // Set and read back, so that 0.10 is 0.1, and what is not possible is refused.
          auto copy = cell.config;
          Assignment const item{axis.key, value, where() + "exclude." + rule.name};
          try {
            apply(copy, item);
          } catch (InputError const& error) {
            throw InputError(error.what() + hint(cell.config, item, Section::rule));
          }
          auto const name = group_key(axis.key).first;
          return (name.empty() || has_group(averaging_groups(cell.config), name)) &&
                 value_in(copy, axis.key) == value_in(cell.config, axis.key);
        });
      });
    };
    require_input(std::erase_if(cells_, fits) > 0,
                  where() + "exclude." + rule.name + " fits no cell; correct it or leave it out");
  }

  SweepFile const& sweep_;
  Config base_;
  std::vector<std::string> columns_;
  std::map<std::string, std::string> short_;
  std::map<std::string, std::string> seen_;  ///< hash -> name in [cells] of the first with it
  std::vector<SweepCell> cells_;
};

}  // namespace

std::string SweepCell::value(std::string const& key) const {
  for (auto const& [set_key, given] : settings) {
    if (set_key == key) return given;
  }
  return value_in(config, key);
}

std::vector<std::string> sweep_columns(SweepFile const& sweep) {
  std::vector<std::string> columns;
  auto const add = [&](std::vector<SweepAxis> const& axes) {
    for (auto const& axis : axes) {
      if (std::count(columns.begin(), columns.end(), axis.key) == 0) columns.push_back(axis.key);
    }
  };
  add(sweep.axes);
  for (auto const& rule : sweep.cells) add(rule.axes);
  return columns;
}

std::vector<SweepCell> sweep_cells(SweepFile const& sweep, std::string const& base) {
  return Maker(sweep, base).make();
}

std::string cell_problem(SweepFile const& sweep, SweepCell const& cell,
                         std::string const& sentence) {
  auto given = sweep.set;
  given.push_back({"sweep.ranks", std::to_string(sweep.ranks), sweep.ranks_source});
  auto source = sweep.source;
  auto const add = [&](std::vector<SweepAxis> const& axes) {
    for (auto const& axis : axes) given.push_back({axis.key, "", axis.source});
  };
  if (cell.label.empty()) add(sweep.axes);
  for (auto const& rule : sweep.cells) {
    if (cell.label.empty() || rule.name != cell.label) continue;
    add(rule.axes);
    source = rule.axes.front().source;
  }
  std::erase_if(given, [](Assignment const& item) { return item.source.empty(); });
  return source_of(given, sentence, source) + ": cell " +
         (cell.label.empty() ? description(cell.settings) : cell.label) + ": " + sentence;
}

std::string settings_hash(Config const& config) {
  Config resolved = parse_config(to_text(config), "settings");
  std::string text;
  for (auto const& key : config_keys()) {
    auto const value = key.get(resolved);
    // Without defaults: keys that a later version adds leave the hash as it is.
    if (key.effect.numbers() && value != key.get(Config{})) text += key.name + "=" + value + "\n";
  }
  for (auto const& group : resolved.average) {
    text += "[" + group.name + "]\n";
    for (auto const& key : group_keys()) {
      auto const value = key.get(group);
      if (value != key.get(AverageGroup{})) text += key.name + "=" + value + "\n";
    }
  }
  return checksum_of(std::as_bytes(std::span(text))).checksum.substr(0, kHashDigits);
}

}  // namespace fedstrata
