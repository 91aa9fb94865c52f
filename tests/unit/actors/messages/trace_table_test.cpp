#include "actors/messages/trace_table.hpp"

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "runtime/trace/message_types.hpp"

namespace troupe {
namespace {

TEST(TraceTable, holds_every_message_of_the_folder) {
  register_traced_messages();
  std::set<std::string> registered;
  for (const auto& type : trace::registered_message_types()) registered.insert(type.name);
  const std::regex declared("CAF_ALLOW_UNSAFE_MESSAGE_TYPE\\(troupe::(\\w+)\\)");
  int found = 0;
  for (const auto& file : std::filesystem::directory_iterator(TROUPE_SOURCE_DIR "/actors/messages")) {
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (std::sregex_iterator match(text.begin(), text.end(), declared), end; match != end; ++match, ++found)
      EXPECT_TRUE(registered.contains((*match)[1]))
          << (*match)[1] << " in " << file.path() << " is not in trace_table.cpp";
  }
  EXPECT_GT(found, 40);
}

TEST(TraceTable, registering_again_changes_nothing) {
  register_traced_messages();
  const auto before = trace::registered_message_types().size();
  register_traced_messages();
  EXPECT_EQ(trace::registered_message_types().size(), before);
}

}  // namespace
}  // namespace troupe
