#include "common/store/names.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "common/base/files.hpp"

namespace fedstrata {
namespace {

// Digits up to `end`, which is taken off; nothing when there are none.
template <class Integer>
std::optional<Integer> take_number(std::string_view& text, std::string_view end) {
  Integer value = 0;
  auto const [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  if (!text.starts_with(end)) return std::nullopt;
  text.remove_prefix(end.size());
  return value;
}

}  // namespace

std::filesystem::path absolute_path(std::filesystem::path const& path) {
  auto result = std::filesystem::absolute(path).lexically_normal();
  return result.has_filename() ? result : result.parent_path();
}

std::string round_text(std::int64_t round) {
  auto const digits = std::to_string(round);
  return std::string(6 - std::min<std::size_t>(6, digits.size()), '0') + digits;
}

bool is_removed(std::filesystem::path const& analysis) {
  return std::filesystem::exists(analysis / RunNames::kRemoved);
}

std::string newest_header(std::filesystem::path const& directory) {
  std::string newest = RunNames::kHeader;
  for (auto const& name : list_files(directory, ".h5")) {
    if (!name.starts_with("header-")) continue;
    if (std::pair(name.size(), name) > std::pair(newest.size(), newest)) newest = name;
  }
  return newest;
}

std::string shard_name(ShardName const& name, std::string const& extension) {
  auto result = round_text(name.round);
  if (name.shards > 1) {
    result.append("-").append(std::to_string(name.shard));
    result.append("of").append(std::to_string(name.shards));
  }
  return result + extension;
}

std::optional<ShardName> parse_shard_name(std::string const& name, std::string const& extension) {
  std::string_view text = name;
  bool const dash = name.find('-') != std::string::npos;
  auto const round = take_number<std::int64_t>(text, dash ? "-" : extension);
  if (!round) return std::nullopt;
  if (!dash) return ShardName{*round, 0, 1};
  auto const shard = take_number<int>(text, "of");
  auto const shards = shard ? take_number<int>(text, extension) : std::nullopt;
  if (!shards) return std::nullopt;
  return ShardName{*round, *shard, *shards};
}

std::map<std::int64_t, std::vector<std::string>> complete_shards(
    std::vector<std::string> const& names, std::string const& extension) {
  std::map<std::pair<std::int64_t, int>, std::map<int, std::string>> found;
  for (auto const& name : names) {
    if (auto const parsed = parse_shard_name(name, extension)) {
      found[{parsed->round, parsed->shards}][parsed->shard] = name;
    }
  }
  std::map<std::int64_t, std::vector<std::string>> complete;
  for (auto const& [key, shards] : found) {
    if (static_cast<int>(shards.size()) != key.second) continue;
    auto& of_round = complete[key.first] = {};
    for (auto const& [shard, name] : shards) of_round.push_back(name);
  }
  return complete;
}

std::vector<std::string> incomplete_shards(std::vector<std::string> const& names,
                                           std::string const& extension) {
  std::set<std::string> complete;
  for (auto const& [round, shards] : complete_shards(names, extension)) {
    complete.insert(shards.begin(), shards.end());
  }
  std::vector<std::string> result;
  for (auto const& name : names) {
    if (parse_shard_name(name, extension) && !complete.contains(name)) result.push_back(name);
  }
  return result;
}

}  // namespace fedstrata
