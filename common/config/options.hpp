#pragma once
#include <string>
#include <vector>

#include "common/config/text.hpp"

namespace fedstrata {

// Reading a config: from text or a file, with settings given besides.

/// Reads INI text (sections and keys of docs/configuration.md) and then the overrides
/// "section.key=value", checks types, ranges and the consistency of keys. `source` names the text
/// in messages (a file name). Throws InputError: unknown section or key (with the nearest known
/// one), wrong type, out of range (with what is allowed), `#` inside a value.
Config parse_config(std::string const& text, std::string const& source,
                    std::vector<std::string> const& overrides = {});

/// Reads a file, then parse_config. Throws InputError when it cannot be read.
Config load_config(std::string const& path, std::vector<std::string> const& overrides = {});

/// "section.key=value" for each key that neither text names and whose default was another one once:
/// the value that a run has whose stored config is `stored`, of a version without that key.
/// `given`: a config that the run is to go on with, or "". Overrides, to come before those of the
/// user.
std::vector<std::string> older_values(std::string const& stored, std::string const& given = "");

/// `config` with its [analysis] replaced by that of `analysis_text` (keys it lacks get their
/// defaults; with an empty `source`, which means no text, it stays as it is), then the overrides,
/// of [analysis] and of what belongs to the machine (data.dir, run.device, ...) only. Throws
/// InputError.
Config with_analysis(Config config, std::string const& analysis_text, std::string const& source,
                     std::vector<std::string> const& overrides);

/// Names of the keys that an analysis may have otherwise than its run, and when it goes on: what
/// affects the machine, but nothing that was chosen for the analysis.
std::vector<std::string> machine_keys();

/// Do all overrides set such keys? Throws InputError when one is no "section.key=value".
bool set_machine_only(std::vector<std::string> const& overrides);

}  // namespace fedstrata
