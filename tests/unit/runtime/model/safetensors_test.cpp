#include "runtime/model/safetensors.hpp"

#include <gmock/gmock.h>

#include "runtime/base/random.hpp"
#include "tests/unit/runtime/model/temporary_checkpoint.hpp"

namespace troupe::model {
namespace {

using testing::HasSubstr;

class Safetensors : public testing::Test {
 protected:
  Result<SafetensorsFile> open(const std::string& bytes) {
    return SafetensorsFile::open(directory_.write("x.safetensors", bytes));
  }
  std::string refusal(const std::string& bytes) {
    const auto file = open(bytes);
    return file.ok() ? "accepted" : file.error().message;
  }
  TemporaryDirectory directory_;
};

TEST_F(Safetensors, GivesTensorsTheirShapeAndBytes) {
  const auto file = open(safetensors_of({{"a", {2, 3}}, {"b", {5}, "BF16"}, {"empty", {0, 4}}, {"scalar", {}}}));
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->tensors().size(), 4u);
  EXPECT_EQ(file->tensors().at("a").bytes.size(), 24u);
  EXPECT_EQ(file->tensors().at("b").bytes.size(), 10u);
  EXPECT_EQ(file->tensors().at("b").dtype, "BF16");
  EXPECT_EQ(file->tensors().at("scalar").bytes.size(), 4u);
  EXPECT_TRUE(file->unchanged());
}

TEST_F(Safetensors, RefusesAFileCutShortAnywhere) {
  const auto whole = safetensors_of({{"a", {2, 3}}, {"b", {5}}});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto file = open(whole.substr(0, length));
    EXPECT_FALSE(file.ok()) << length << " bytes of " << whole.size();
  }
}

TEST_F(Safetensors, SaysThatAFileIsCutShort) {
  const auto whole = safetensors_of({{"weight", {2, 3}}});
  EXPECT_THAT(refusal(whole.substr(0, whole.size() - 1)), HasSubstr("\"weight\": ends at byte 24"));
  EXPECT_THAT(refusal(whole.substr(0, 20)), HasSubstr("cut short"));
}

TEST_F(Safetensors, RefusesAHeaderPastTheLimitWithoutReadingIt) {
  EXPECT_THAT(refusal(std::string(8, '\xff')), HasSubstr("the limit is"));
  EXPECT_THAT(refusal("<html><body>not found</body></html>"), HasSubstr("no safetensors file"));
}

TEST_F(Safetensors, RefusesBytesThatDoNotMatchTheShape) {
  EXPECT_THAT(refusal(safetensors_bytes(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,12]}})", 16)),
              HasSubstr("has 12 bytes; its shape and dtype need 16"));
}

TEST_F(Safetensors, RefusesOverlapsAndBackwardOffsets) {
  EXPECT_THAT(
      refusal(safetensors_bytes(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
          12)),
      HasSubstr("overlap"));
  EXPECT_THAT(refusal(safetensors_bytes(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8)),
              HasSubstr("end before they begin"));
}

TEST_F(Safetensors, RefusesATensorNamedTwice) {
  const std::string entry = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_THAT(refusal(safetensors_bytes("{" + entry + "," + entry + "}", 4)), HasSubstr("the key \"a\" twice"));
}

TEST_F(Safetensors, RefusesShapesWhoseProductOverflows) {
  EXPECT_THAT(refusal(safetensors_bytes(
                  R"({"a":{"dtype":"F32","shape":[1099511627776,1099511627776,4],"data_offsets":[0,0]}})", 0)),
              HasSubstr("fewer than 2^64 bytes"));
}

TEST_F(Safetensors, RefusesMalformedEntries) {
  for (const char* header :
       {R"([])", R"({"a":1})", R"({"a":{}})", R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})",
        R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})",
        R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})",
        R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})",
        R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})",
        R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})"})
    EXPECT_NE(refusal(safetensors_bytes(header, 4)), "accepted") << header;
}

TEST_F(Safetensors, SurvivesRandomDamageToItsHeader) {
  const auto whole = safetensors_of({{"a", {2, 3}}, {"b", {5}, "F16"}});
  RandomStream random(7);
  for (int round = 0; round < 200; ++round) {
    auto damaged = whole;
    for (int change = 0; change < 3; ++change)
      damaged[random.below(damaged.size() - 34)] = static_cast<char>(random.below(256));
    const auto file = open(damaged);
    if (!file.ok()) continue;
    // Accepted: then everything handed out lies in the file.
    std::size_t sum = 0;
    for (const auto& [name, tensor] : file->tensors())
      for (const auto byte : tensor.bytes) sum += static_cast<std::size_t>(byte);
    EXPECT_LT(sum, whole.size() * 256);
  }
}

}  // namespace
}  // namespace troupe::model
