#include <fnmatch.h>

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/federation/schedule.hpp"

namespace fedstrata {
namespace {

/// What one selector is read against.
struct Context {
  LayerTable const& table;
  std::vector<bool> const& taken;
  std::string const& where;

  std::size_t size() const { return table.layers.size(); }
};

[[noreturn]] void fail(Context const& context, std::string const& selector,
                       std::string const& problem) {
  std::vector<std::string> names;
  for (auto const& layer : context.table.layers) names.push_back(layer.name);
  throw InputError(context.where + ": '" + selector + "' " + problem +
                   "; the layers are: " + join(names, ", "));
}

std::size_t read_index(Context const& context, std::string const& selector,
                       std::string const& text) {
  std::size_t index = 0;
  if (!read_number(text, index)) fail(context, selector, "needs a number after the colon");
  return index;
}

std::vector<bool> interval(Context const& context, std::size_t first, std::size_t end) {
  std::vector<bool> chosen(context.size());
  for (std::size_t i = first; i < end; ++i) chosen[i] = true;
  return chosen;
}

/// first:K, last:K, middle:K, index:A-B.
std::vector<bool> select_place(Context const& context, std::string const& selector,
                               std::string const& kind, std::string const& argument) {
  std::size_t const size = context.size();
  if (kind == "index") {
    auto const ends = split(argument, '-');
    if (ends.empty() || ends.size() > 2) fail(context, selector, "must have the form index:A-B");
    std::size_t const first = read_index(context, selector, ends.front());
    std::size_t const last = read_index(context, selector, ends.back());
    if (first > last || last >= size) {
      fail(context, selector, "must lie in 0-" + std::to_string(size - 1) + ", A <= B");
    }
    return interval(context, first, last + 1);
  }
  std::size_t const count = read_index(context, selector, argument);
  if (count < 1 || count > size) {
    fail(context, selector, "needs a number from 1 to " + std::to_string(size));
  }
  std::size_t const first = kind == "first"  ? 0
                            : kind == "last" ? size - count
                                             : (size - count) / 2;
  return interval(context, first, first + count);
}

std::vector<bool> select_type(Context const& context, std::string const& selector,
                              std::string const& argument) {
  auto const type = layer_type(argument);
  if (!type) fail(context, selector, "is no type; allowed: " + join(layer_type_names(), ", "));
  std::vector<bool> chosen(context.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = context.table.layers[i].type == *type;
  return chosen;
}

std::vector<bool> select_one(Context const& context, std::string const& selector) {
  std::size_t const size = context.size();
  if (selector == "all") return interval(context, 0, size);
  if (selector == "head") return interval(context, size - 1, size);
  if (selector == "body") return interval(context, 0, size - 1);
  std::vector<bool> chosen(size);
  if (selector == "rest") {
    for (std::size_t i = 0; i < size; ++i) chosen[i] = context.taken.empty() || !context.taken[i];
    return chosen;
  }
  auto const colon = selector.find(':');
  if (colon == std::string::npos) {
    for (std::size_t i = 0; i < size; ++i) {
      chosen[i] = fnmatch(selector.c_str(), context.table.layers[i].name.c_str(), 0) == 0;
    }
    return chosen;
  }
  std::string const kind = selector.substr(0, colon);
  std::string const argument = selector.substr(colon + 1);
  if (kind == "type") return select_type(context, selector, argument);
  if (kind == "first" || kind == "last" || kind == "middle" || kind == "index") {
    return select_place(context, selector, kind, argument);
  }
  fail(context, selector,
       "is unknown; selectors with a colon are type, first, last, middle, index");
}

}  // namespace

std::vector<int> select_layers(std::string const& selectors, LayerTable const& table,
                               std::vector<bool> const& taken, std::string const& where) {
  require(!table.layers.empty(), where + ": the model has no layers");
  Context const context{table, taken, where};
  std::vector<bool> chosen(table.layers.size());
  std::vector<bool> excluded(table.layers.size());
  auto const parts = split(selectors, ',');
  bool const only_exclusions = std::all_of(parts.begin(), parts.end(),
                                           [](auto const& part) { return part.starts_with('!'); });
  if (only_exclusions && !parts.empty()) chosen.flip();
  for (auto const& part : parts) {
    bool const exclude = part.starts_with('!');
    std::string const selector = trim(exclude ? part.substr(1) : part);
    if (selector == "rotate") fail(context, part, "belongs to averaging groups only");
    auto const found = select_one(context, selector);
    bool const any = std::count(found.begin(), found.end(), true) > 0;
    if (!any && !(exclude && selector.starts_with("type:"))) {
      fail(context, selector, "matches no layer");
    }
    auto& into = exclude ? excluded : chosen;
    std::transform(into.begin(), into.end(), found.begin(), into.begin(), std::logical_or<>());
  }
  std::vector<int> layers;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i] && !excluded[i]) layers.push_back(static_cast<int>(i));
  }
  if (layers.empty()) fail(context, selectors, "leaves no layer");
  return layers;
}

}  // namespace fedstrata
