#include "common/config/syntax.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

namespace po = boost::program_options;

}  // namespace

std::vector<Assignment> read_ini(std::string const& text, std::string const& source) {
  std::istringstream stream(text);
  std::vector<Assignment> result;
  std::set<std::string> seen;
  try {
    for (auto const& option :
         po::parse_config_file(stream, po::options_description(), true).options) {
      require_input(seen.insert(option.string_key).second,
                    source + ": " + option.string_key + " is given twice; keep one");
      result.push_back({option.string_key, join(option.value, ""), source});
    }
  } catch (po::invalid_config_file_syntax const& error) {
    throw InputError(source + ": line '" + error.tokens() +
                     "' is neither [section] nor key = value (comments start with #)");
  } catch (po::error const& error) {
    throw InputError(source + ": " + error.what());
  }
  return result;
}

std::vector<std::string> sections_of(std::string const& text) {
  std::vector<std::string> sections;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = trim(line.substr(0, line.find('#')));
    if (line.starts_with('[') && line.ends_with(']')) {
      sections.push_back(line.substr(1, line.size() - 2));
    }
  }
  return sections;
}

std::string read_input(std::string const& path, std::string const& what) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // A directory opens, but cannot be read.
  require_input(file &&
                    (file.peek() == std::ifstream::traits_type::eof() || text << file.rdbuf()) &&
                    !file.bad(),
                path + ": cannot be read; give the path of a " + what);
  return text.str();
}

Arguments read_arguments(std::string const& command, std::vector<std::string> const& words,
                         std::vector<OptionText> const& options) {
  std::string const see = " (see fedstrata " + command + " --help)";
  po::options_description known;
  for (auto const& option : options) {
    std::string const name = option.name == "help" ? "help,h" : option.name;
    if (option.argument.empty())
      known.add_options()(name.c_str(), "");
    else
      known.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
  }
  known.add_options()("target", po::value<std::vector<std::string>>());
  Arguments result;
  try {
    namespace style = po::command_line_style;
    auto const parsed = po::command_line_parser(words)
                            .options(known)
                            .positional(po::positional_options_description().add("target", -1))
                            .style(style::default_style & ~style::allow_guessing)
                            .run();
    po::variables_map given;  // which refuses, by itself, what cannot be given
    po::store(parsed, given);
    for (auto const& [name, value] : given) {
      auto& values = name == "target" ? result.others : result.options[name];
      if (auto const* texts = boost::any_cast<std::vector<std::string>>(&value.value())) {
        values = *texts;
      }
    }
  } catch (po::unknown_option const& error) {
    std::vector<std::string> names;
    for (auto const& option : options) names.push_back("--" + option.name);
    throw InputError(command + ": unknown option " + error.get_option_name() +
                     suggestion(error.get_option_name(), names) + see);
  } catch (po::invalid_command_line_syntax const& error) {
    using Syntax = po::invalid_syntax;
    bool const lacks_value = error.kind() == Syntax::empty_adjacent_parameter ||
                             error.kind() == Syntax::missing_parameter;
    throw InputError(
        command + ": " +
        (lacks_value ? error.get_option_name() + " needs a value" : std::string(error.what())) +
        see);
  } catch (po::error const& error) {
    throw InputError(command + ": " + error.what() + see);
  }
  return result;
}

}  // namespace fedstrata
