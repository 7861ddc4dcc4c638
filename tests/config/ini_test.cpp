// The form of config files: what is read, and what is named that an editor does not show.
#include "common/config/ini.hpp"

#include <gmock/gmock.h>

#include "common/config/options.hpp"
#include "tests/support/refusal.hpp"

namespace fedstrata {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> read(std::string const& text) {
  std::vector<std::string> lines;
  for (auto const& [key, value, source] : read_ini(text, "a.ini").assignments) {
    lines.push_back(source + " " + key + "=" + value);
  }
  return lines;
}

std::string refused(std::string const& text) {
  return refusal_of([&] { read_ini(text, "a.ini"); });
}

std::string config_refused(std::string const& text, std::vector<std::string> const& set = {}) {
  return refusal_of([&] { parse_config(text, "a.ini", set); });
}

TEST(IniTest, keys_have_their_section_and_line) {
  EXPECT_THAT(read("# first\n\n[run]\nseed = 1  # of all\n[ train ]\r\n\tlr=0.1\r\nnesterov =\n"),
              ElementsAre("a.ini:4 run.seed=1", "a.ini:6 train.lr=0.1", "a.ini:7 train.nesterov="));
  EXPECT_THAT(read("[a]\nb = c = d"), ElementsAre("a.ini:2 a.b=c = d"));
  EXPECT_THAT(read(""), ElementsAre());
  auto const sections = read_ini("[average.a]\n\n[run] # empty\n", "a.ini").sections;
  ASSERT_EQ(sections.size(), 2U);
  EXPECT_EQ(sections[1].name, "run");
  EXPECT_EQ(sections[1].source, "a.ini:3");
}

TEST(IniTest, a_byte_order_mark_is_skipped) {
  EXPECT_THAT(read("\xEF\xBB\xBF[run]\nseed = 1\n"), ElementsAre("a.ini:2 run.seed=1"));
}

TEST(IniTest, what_is_no_line_of_a_config_is_named_with_its_number) {
  EXPECT_THAT(refused("[run]\nseed\n"), StartsWith("a.ini:2: 'seed' is neither"));
  EXPECT_THAT(refused("[run\n"), StartsWith("a.ini:1: '[run' is neither"));
  EXPECT_THAT(refused("[]\n"), StartsWith("a.ini:1: [] names no section"));
  EXPECT_THAT(refused("= 3\n"), StartsWith("a.ini:1: '= 3' is neither"));
  EXPECT_THAT(refused("[a]\nb = 1\n\n[c]\nd = 1\n[a]\nb = 2\n"),
              StartsWith("a.ini:7: a.b is given twice (also in line 2)"));
}

TEST(IniTest, other_encodings_and_what_cannot_be_seen_is_named_not_printed) {
  EXPECT_THAT(refused(std::string("\xFF\xFE[\0r\0", 6)), HasSubstr("UTF-16; save it as UTF-8"));
  EXPECT_THAT(refused("[data]\ndir = /caf\xE9\n"), StartsWith("a.ini:2: byte 0xE9 is not UTF-8"));
  EXPECT_THAT(refused("[data]\ndir = /caf\xE9"), HasSubstr("0xE9")) << "at the end";
  EXPECT_THAT(refused(std::string("[\0r\0u\0n\0]\0", 10)), HasSubstr("control character, U+0000"));
  EXPECT_THAT(refused("[run]\nseed = \x1B[31m1\n"),
              AllOf(HasSubstr("U+001B"), Not(HasSubstr("\x1B"))));
  EXPECT_THAT(refused("[run]\rseed = 1\r"), HasSubstr("U+000D"));
  EXPECT_THAT(
      refused("[train]\nlr = 0\xC2\xA0.1\n"),
      StartsWith("a.ini:2: a character that one cannot see (no-break space, U+00A0) follows "
                 "'lr = 0'"));
  EXPECT_THAT(refused("\xE2\x80\x8B[train]\n"), HasSubstr("U+200B) stands at the beginning"));
  EXPECT_THAT(refused("[run]\n\xEF\xBB\xBFseed = 1\n"), HasSubstr("byte order mark, U+FEFF"));
  // What can be seen is welcome, and comments are nobody's business.
  EXPECT_THAT(read("[data]\ndir = /Übung/データ\n# \xE9\xA0\xFF\n"),
              ElementsAre("a.ini:2 data.dir=/Übung/データ"));
}

TEST(IniTest, a_value_is_not_cut_at_a_number_sign) {
  EXPECT_THAT(refused("[data]\ndir = /data/#3/mnist\n"),
              AllOf(StartsWith("a.ini:2: "), HasSubstr("'dir = /data/'"), HasSubstr("path")));
  EXPECT_THAT(
      refused("[data]\ndir = /data/set #3\n"),
      AllOf(StartsWith("a.ini:2: "), HasSubstr("after 'dir = /data/set'"), HasSubstr("path")));
  EXPECT_THAT(read("[data]\ndir = /data\t# 3 \n#dir = x#y\nclients = 3 #4\n"),
              ElementsAre("a.ini:2 data.dir=/data", "a.ini:4 data.clients=3"));
}

TEST(IniTest, every_message_about_a_setting_has_its_line) {
  EXPECT_THAT(config_refused("[run]\n\nsede = 1\n"), StartsWith("a.ini:3: unknown key run.sede"));
  EXPECT_THAT(config_refused("[run]\n[trian]\n"), StartsWith("a.ini:2: unknown section [trian]"));
  EXPECT_THAT(config_refused("[train]\n\nlr = fast\n"), StartsWith("a.ini:3: train.lr = 'fast'"));
  EXPECT_THAT(config_refused("seed = 1\n"),
              StartsWith("a.ini:1: key 'seed' belongs to no section; write [run] in a line above"));
  EXPECT_THAT(config_refused("", {"seed=1"}), HasSubstr("belongs to no section; write run.seed"));
  EXPECT_THAT(config_refused("[run]\nseed = 1; of all\n"), HasSubstr("comments begin with #"));
  EXPECT_THAT(refusal_of([] { with_analysis({}, "", "", {"align=weights"}); }),
              HasSubstr("write analysis.align"));
  // Also where several settings do not go together: the one that is named first.
  EXPECT_THAT(config_refused("[train]\nlr = 0.1\nmu = 0.5\n"),
              StartsWith("a.ini:3: train.mu = 0.5"));
  EXPECT_THAT(config_refused("[train]\nlr = 0.1\n", {"train.mu=0.5"}),
              StartsWith("--set train.mu=0.5: train.mu = 0.5 is for"));
  EXPECT_THAT(config_refused("[train]\nmu = 0.1\n", {"train.mu=0.5"}),
              StartsWith("--set train.mu=0.5: train.mu"))
      << "the later holds";
}

TEST(IniTest, thousands_are_not_two_numbers) {
  EXPECT_THAT(config_refused("[model]\nhidden = 1,024\n"), HasSubstr("is it 1024?"));
  EXPECT_THAT(config_refused("[train]\nbatch_size = 1,024\n"), HasSubstr("is it 1024?"));
  EXPECT_THAT(config_refused("[analysis]\nrounds = 1,024\n"), HasSubstr("is it 1024?"));
  EXPECT_THAT(parse_config("[model]\nhidden = 200,200\n", "a.ini").model.hidden,
              ElementsAre(200, 200));
}

TEST(IniTest, settings_of_the_command_line_are_looked_at_too) {
  EXPECT_THAT(config_refused("", {"train.lr=0.1\xE2\x80\x8B"}), HasSubstr("U+200B"));
}

}  // namespace
}  // namespace fedstrata
