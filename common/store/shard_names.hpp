#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fedstrata {

/// Which file of a set: shard s of `shards` of a round.
struct ShardName {
  std::int64_t round = 0;
  int shard = 0;
  int shards = 1;
};

/// "000010.h5", or "000010-0of2.h5" for a shard of several.
std::string shard_name(ShardName const& name, std::string const& extension);
/// The reverse; nothing for other names.
std::optional<ShardName> parse_shard_name(std::string const& name, std::string const& extension);

/// Per round the names of the shards of a complete set, in order. When there are several sets of a
/// round, that of most shards.
std::map<std::int64_t, std::vector<std::string>> complete_shards(
    std::vector<std::string> const& names, std::string const& extension);

}  // namespace fedstrata
