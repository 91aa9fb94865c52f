#include "runtime/base/number.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "runtime/base/csv.hpp"

namespace troupe {
namespace {

TEST(ParseNumber, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_number<std::int32_t>("42"), 42);
  EXPECT_EQ(parse_number<double>("-2.5e3"), -2500.0);
  for (const char* text : {"", " 42", "42 ", "42x", "+42", "0x2a", "2147483648"})
    EXPECT_EQ(parse_number<std::int32_t>(text), std::nullopt) << text;
}

TEST(ParseNumber, RefusesWhatIsNotFinite) {
  for (const char* text : {"inf", "-inf", "nan", "1e999"}) EXPECT_EQ(parse_number<double>(text), std::nullopt) << text;
}

TEST(CsvCells, AreTrimmedAndKnowTheirColumns) {
  const auto cells = csv_cells("a, bc ,,d\t\r");
  ASSERT_EQ(cells.size(), 4u);
  EXPECT_EQ(cells[1].text, "bc");
  EXPECT_EQ(cells[1].column, 4u);
  EXPECT_EQ(cells[2].text, "");
  EXPECT_EQ(cells[3].text, "d");
}

TEST(CsvCells, AreNoMoreThanAsked) { EXPECT_EQ(csv_cells("a,b,c,d", 2).size(), 2u); }

}  // namespace
}  // namespace troupe
