#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/keys.hpp"

namespace fedstrata::keys {

// Makes a Key from a member and what it may hold; used by sections/ alone.

struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;

  bool contains(double x) const {
    return (low_open ? x > low : x >= low) && (high_open ? x < high : x <= high);
  }
  /// ">= 1", "in [0, 1)", ...
  std::string describe() const {
    if (high == std::numeric_limits<double>::infinity()) {
      return (low_open ? "> " : ">= ") + shortest(low);
    }
    return std::string("in ") + (low_open ? "(" : "[") + shortest(low) + ", " + shortest(high) +
           (high_open ? ")" : "]");
  }
};

inline Range at_least(double low) { return {.low = low}; }
inline Range above(double low) { return {.low = low, .low_open = true}; }

// For text().
inline bool not_empty(std::string const& text) { return !text.empty(); }
inline bool anything(std::string const&) { return true; }

/// A number in `range`.
template <class Part, class Number>
Key<Part> number(char const* name, Number Part::*member, Range range, char const* unit,
                 char const* help) {
  auto const print = [member](Part const& part) {
    if constexpr (std::is_floating_point_v<Number>)
      return shortest(part.*member);
    else
      return std::to_string(part.*member);
  };
  auto const read = [member, range](Part& part, std::string const& text) {
    Number value{};
    if (!read_number(text, value) || !range.contains(static_cast<double>(value))) return false;
    part.*member = value;
    return true;
  };
  char const* const type = std::is_floating_point_v<Number> ? "number " : "integer ";
  return {name, unit, type + range.describe(), help, print, read};
}

/// yes or no.
template <class Part>
Key<Part> flag(char const* name, bool Part::*member, char const* help) {
  auto const print = [member](Part const& part) { return part.*member ? "yes" : "no"; };
  auto const read = [member](Part& part, std::string const& text) {
    bool const yes = text == "yes" || text == "true";
    if (!yes && text != "no" && text != "false") return false;
    part.*member = yes;
    return true;
  };
  return {name, "", "yes | no", help, print, read};
}

/// A value of an enumeration (`names` in the order of its enumerators) or one of some words.
template <class Part, class Value>
Key<Part> choice(char const* name, Value Part::*member, std::vector<std::string> names,
                 char const* help) {
  auto const print = [member, names](Part const& part) {
    if constexpr (std::is_enum_v<Value>)
      return names.at(static_cast<std::size_t>(part.*member));
    else
      return part.*member;
  };
  auto const read = [member, names](Part& part, std::string const& text) {
    auto const found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return false;
    if constexpr (std::is_enum_v<Value>)
      part.*member = static_cast<Value>(found - names.begin());
    else
      part.*member = text;
    return true;
  };
  return {name, "", join(names, " | "), help, print, read};
}

/// Text that `accepts` (throwing counts as no).
template <class Part>
Key<Part> text(char const* name, std::string Part::*member, char const* allowed,
               std::function<bool(std::string const&)> accepts, char const* help) {
  auto const print = [member](Part const& part) { return part.*member; };
  auto const read = [member, accepts](Part& part, std::string const& value) {
    if (!accepts(value)) return false;
    part.*member = value;
    return true;
  };
  return {name, "", allowed, help, print, read};
}

/// A value with a language of its own, read once and printed as it was given.
template <class Part, class Value>
Key<Part> selection(char const* name, Value Part::*member, char const* allowed,
                    Value (*parse)(std::string const&), char const* help) {
  auto const print = [member](Part const& part) { return (part.*member).text; };
  auto const read = [member, parse](Part& part, std::string const& text) {
    try {
      part.*member = parse(text);
      return true;
    } catch (InputError const&) {
      return false;
    }
  };
  return {name, "", allowed, help, print, read};
}

/// `key`, which affects something else than most of its section.
template <class Part>
Key<Part> affects(Effect effect, Key<Part> key) {
  key.effect = effect;
  return key;
}

/// `key`, which has an effect only where `used` is true; `use` says in words where that is:
/// "train.schedule = step".
template <class Part>
Key<Part> used_with(std::string use, std::function<bool(std::type_identity_t<Part> const&)> used,
                    Key<Part> key) {
  key.use = std::move(use);
  key.used = std::move(used);
  return key;
}

/// `key`, which runs of versions that lacked it go on with as if it were `value`.
template <class Part>
Key<Part> older_value(std::string value, Key<Part> key) {
  key.older = std::move(value);
  return key;
}

/// The keys of a part of the config, as keys of the config. Those that say nothing else affect
/// `most`.
template <class Part>
void append(std::vector<Key<Config>>& all, std::string const& section, Effect most,
            Part Config::*member, std::vector<Key<Part>> const& part_keys) {
  for (auto const& key : part_keys) {
    std::function<bool(Config const&)> used;
    if (key.used) used = [member, used = key.used](Config const& c) { return used(c.*member); };
    all.push_back({section + "." + key.name, key.unit, key.allowed, key.help,
                   [member, get = key.get](Config const& c) { return get(c.*member); },
                   [member, set = key.set](Config& c, std::string const& value) {
                     return set(c.*member, value);
                   },
                   key.effect == Effect{} ? most : key.effect, used, key.use, key.older});
  }
}

}  // namespace fedstrata::keys
