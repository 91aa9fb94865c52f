// docs/policies.md as its reader follows it: the files that it shows are built outside the tree against an installed
// package, and the policies are simulated and served with.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

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

/// Writes each block of the guide that follows a line `<!-- file: NAME -->`, and puts those of `<!-- append: NAME -->`
/// at the end of what is there. How many there were.
int write_files_of_the_guide(const fs::path& to) {
  const std::string guide = text_of(TROUPE_SOURCE_DIR "/docs/policies.md");
  int blocks = 0;
  for (const auto& [mark, how] : {std::pair("<!-- file: ", std::ios::trunc), std::pair("<!-- append: ", std::ios::app)})
    for (auto at = guide.find(mark); at != std::string::npos; at = guide.find(mark, at + 1)) {
      const auto name_at = at + std::string_view(mark).size();
      const auto name = guide.substr(name_at, guide.find(" -->", at) - name_at);
      const auto from = guide.find('\n', guide.find("```", at)) + 1;
      std::ofstream(to / name, how) << guide.substr(from, guide.find("```", from) - from);
      ++blocks;
    }
  return blocks;
}

/// Runs a shell command; what it printed where it failed, else nothing.
std::string failure_of(const std::string& command, const fs::path& folder) {
  const auto log = (folder / "log").string();
  return std::system(("{ " + command + "; } > " + log + " 2>&1").c_str()) == 0 ? "" : command + ":\n" + text_of(log);
}

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

/// Troupe installed in a folder, and the guide's libraries, built against it, in another.
class PoliciesGuide : public testing::Test {
 public:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<Folder>();
    fs::create_directory(own());
    const std::string cmake = TROUPE_CMAKE;
    failed_ = failure_of(cmake + " --install " TROUPE_BUILD_DIR " --component policies --prefix " + quoted(prefix()),
                         folder_->path());
    blocks_ = write_files_of_the_guide(own());
    if (failed_.empty())
      failed_ =
          failure_of(cmake + " -G Ninja -S " + quoted(own()) + " -B " + quoted(own() / "build") +
                         " -DCMAKE_PREFIX_PATH=" + quoted(prefix()) + " -DCMAKE_CXX_COMPILER=" TROUPE_COMPILER " && " +
                         cmake + " --build " + quoted(own() / "build"),
                     folder_->path());
  }
  static void TearDownTestSuite() { folder_.reset(); }

 protected:
  void SetUp() override {
    ASSERT_EQ(failed_, "");
    ASSERT_EQ(blocks_, 4);
  }
  static fs::path prefix() { return folder_->path() / "troupe"; }
  static fs::path own() { return folder_->path() / "own"; }
  static std::string library(const std::string& name) { return (own() / "build" / ("lib" + name + ".so")).string(); }
  static const fs::path& folder() { return folder_->path(); }

 private:
  static inline std::unique_ptr<Folder> folder_;
  static inline std::string failed_;
  static inline int blocks_ = 0;
};

TEST_F(PoliciesGuide, ItsRoutingPolicyIsBuiltOutsideTheTreeAndServedWith) {
  const ServedProcess server({"--policy", library("soonest")});
  const auto answer = Api(server.url()).post("/v1/completions", {{"prompt", "It is"}, {"max_tokens", 4}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto request = run_troupe({"request", answer.json()["id"], "--url", server.url()});
  EXPECT_THAT(request.out, AllOf(HasSubstr("soonest"), HasSubstr("the prompt that is done soonest"))) << request.err;
}

/// A completion of a prompt of so many tokens.
Answer complete(const ServedProcess& server, int tokens) {
  return Api(server.url())
      .post("/v1/completions",
            {{"prompt", std::vector<int>(static_cast<std::size_t>(tokens), 100)}, {"max_tokens", 4}});
}

TEST_F(PoliciesGuide, ItsAdmissionPolicyIsServedWith) {
  const ServedProcess server({"--set", "scheduling.admission=" + library("capped")});
  const auto answer = complete(server, 100);
  EXPECT_EQ(answer.status, 200) << answer.body;
  const auto refused = complete(server, 1600);
  EXPECT_EQ(refused.status, 429) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("Over 1500 prompt tokens wait for memory here"));
}

TEST_F(PoliciesGuide, ItsAdmissionPolicyIsSimulatedWith) {
  const auto simulated = [&](const std::string& admission) {
    const auto csv = (folder() / "requests.csv").string();
    const auto outcome = run_troupe({"simulate", "--machines", "mixed:h100-80gb*2", "--rate", "2", "--duration", "10",
                                     "--prompt-tokens", "1000,3000", "--policy", "jsq_tokens", "--set",
                                     "scheduling.admission=" + admission, "--requests-csv", csv});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return text_of(csv);
  };
  EXPECT_THAT(simulated(library("capped")), AllOf(HasSubstr("refused"), HasSubstr("finished")));
  EXPECT_THAT(simulated("fcfs"), testing::Not(HasSubstr("refused")));
}

TEST_F(PoliciesGuide, ALibraryOfAnotherKindIsRefusedWithTheKeyThatTakesIt) {
  const auto outcome = run_troupe({"serve", demo_model(), "--policy", library("capped")});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr("is for scheduling.admission (admission policy), not for scheduling.policy"));
}

TEST_F(PoliciesGuide, AClassThatIsNoPolicyOrTwoDoesNotCompileAndTheCompilerSaysWhy) {
  const auto compiled = [&](const std::string& bases) {
    std::ofstream(folder() / "odd.cpp") << "#include \"actors/policies/library_policy.hpp\"\n"
                                           "using namespace troupe::policies;\n"
                                           "class Odd " +
                                               bases + " {};\nTROUPE_POLICY(\"odd\", Odd)\n";
    return failure_of(TROUPE_COMPILER " -std=c++20 -fsyntax-only -I " + quoted(prefix() / "include/troupe") + " " +
                          quoted(folder() / "odd.cpp"),
                      folder());
  };
  EXPECT_THAT(compiled(""), HasSubstr("this class is a policy of no kind. Derive it publicly from"));
  EXPECT_THAT(compiled(": public AdmissionPolicy, public RolePolicy"), HasSubstr("a policy of several kinds"));
  EXPECT_THAT(compiled(": public AdmissionPolicy"), HasSubstr("leaves out a function"));
}

TEST(PoliciesGuideAside, ALibraryThatIsNotThereIsRefusedBeforeTheModelIsLoaded) {
  const auto outcome = run_troupe({"serve", "/no/such/model", "--policy", "./libnowhere.so"});
  EXPECT_EQ(outcome.exit_code, 66);
  EXPECT_THAT(outcome.err, HasSubstr("There is no policy library ./libnowhere.so"));
}

TEST(PoliciesGuideAside, AFileThatIsNoLibraryIsRefusedWithWhatToBuild) {
  const auto outcome = run_troupe({"serve", demo_model(), "--policy", TROUPE_SOURCE_DIR "/README.md"});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr("find_package(Troupe)"));
}

TEST(PoliciesGuideAside, ALibraryOfAnyKindIsOpenedBeforeTheModelIs) {
  for (const std::string key : {"scheduling.prompt_batching", "scheduling.token_batching", "scheduling.admission"}) {
    const auto outcome = run_troupe({"serve", "/no/such/model", "--set", key + "=./libnowhere.so"});
    EXPECT_EQ(outcome.exit_code, 66);
    EXPECT_THAT(outcome.err, HasSubstr("There is no policy library ./libnowhere.so; " + key + " takes"));
  }
}

TEST(PoliciesGuideAside, ARolePolicysLibraryThatIsNotThereIsRefusedInAClustersFile) {
  const Folder folder;
  const auto file = folder.path() / "cluster.yaml";
  std::ofstream(file) << text_of(TROUPE_SOURCE_DIR "/cluster_configs/local.yaml")
                      << "\nroles: {policy: ./libnowhere.so}\n";
  for (const std::string command : {"check", "simulate"}) {
    std::vector<std::string> words = {command, file.string()};
    if (command == "simulate") words.insert(words.end(), {"--on", "h100-80gb", "--rate", "1", "--duration", "1"});
    const auto outcome = run_troupe(words);
    EXPECT_EQ(outcome.exit_code, 66) << command;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("There is no policy library"), HasSubstr("roles.policy takes")))
        << command;
  }
}

TEST(PoliciesGuideAside, CheckFindsALibraryThatCannotBeUsed) {
  const auto outcome = run_troupe({"check", demo_model(), "--policy", "./libnowhere.so"});
  EXPECT_EQ(outcome.exit_code, 66);
  EXPECT_THAT(outcome.err, HasSubstr("There is no policy library ./libnowhere.so"));
}

}  // namespace
}  // namespace troupe::end_to_end
