// docs/policies.md as its reader follows it: the files that it shows are built outside the tree against an installed
// package, and the policy is served with.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/api_client.hpp"
#include "tests/end_to_end/served_process.hpp"

namespace troupe::end_to_end {
namespace {

using testing::AllOf;
using testing::HasSubstr;

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = fs::temp_directory_path() / "troupe-guide-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Writes each block of the guide that follows a line `<!-- file: NAME -->`. How many there were.
int write_files_of_the_guide(const fs::path& to) {
  const std::string guide = text_of(TROUPE_SOURCE_DIR "/docs/policies.md");
  const std::string mark = "<!-- file: ";
  int files = 0;
  for (auto at = guide.find(mark); at != std::string::npos; at = guide.find(mark, at + 1)) {
    const auto name = guide.substr(at + mark.size(), guide.find(" -->", at) - at - mark.size());
    const auto from = guide.find('\n', guide.find("```", at)) + 1;
    std::ofstream(to / name) << guide.substr(from, guide.find("```", from) - from);
    ++files;
  }
  return files;
}

/// Runs a shell command; what it printed where it failed, else nothing.
std::string failure_of(const std::string& command, const fs::path& folder) {
  const auto log = (folder / "log").string();
  return std::system(("{ " + command + "; } > " + log + " 2>&1").c_str()) == 0 ? "" : command + ":\n" + text_of(log);
}

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

TEST(PoliciesGuide, ItsPolicyIsBuiltOutsideTheTreeAndServedWith) {
  const Folder folder;
  const auto prefix = folder.path() / "troupe", own = folder.path() / "soonest", build = own / "build";
  fs::create_directory(own);
  const std::string cmake = TROUPE_CMAKE;
  ASSERT_EQ(failure_of(cmake + " --install " TROUPE_BUILD_DIR " --component policies --prefix " + quoted(prefix),
                       folder.path()),
            "");
  ASSERT_EQ(write_files_of_the_guide(own), 2);
  ASSERT_EQ(failure_of(cmake + " -G Ninja -S " + quoted(own) + " -B " + quoted(build) +
                           " -DCMAKE_PREFIX_PATH=" + quoted(prefix) + " -DCMAKE_CXX_COMPILER=" TROUPE_COMPILER " && " +
                           cmake + " --build " + quoted(build),
                       folder.path()),
            "");
  const auto library = (build / "libsoonest.so").string();

  const ServedProcess server({"--policy", library});
  const auto answer = Api(server.url()).post("/v1/completions", {{"prompt", "It is"}, {"max_tokens", 4}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto request = run_troupe({"request", answer.json()["id"], "--url", server.url()});
  EXPECT_THAT(request.out, AllOf(HasSubstr("soonest"), HasSubstr("the prompt that is done soonest"))) << request.err;
}

TEST(PoliciesGuide, ALibraryThatIsNotThereIsRefusedBeforeTheModelIsLoaded) {
  const auto outcome = run_troupe({"serve", "/no/such/model", "--policy", "./libnowhere.so"});
  EXPECT_EQ(outcome.exit_code, 66);
  EXPECT_THAT(outcome.err, HasSubstr("There is no policy library ./libnowhere.so"));
}

TEST(PoliciesGuide, AFileThatIsNoLibraryIsRefusedWithWhatToBuild) {
  const auto outcome = run_troupe({"serve", demo_model(), "--policy", TROUPE_SOURCE_DIR "/README.md"});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr("find_package(Troupe)"));
}

TEST(PoliciesGuide, CheckFindsALibraryThatCannotBeUsed) {
  const auto outcome = run_troupe({"check", demo_model(), "--policy", "./libnowhere.so"});
  EXPECT_EQ(outcome.exit_code, 66);
  EXPECT_THAT(outcome.err, HasSubstr("There is no policy library ./libnowhere.so"));
}

}  // namespace
}  // namespace troupe::end_to_end
