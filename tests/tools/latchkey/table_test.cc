#include "tools/latchkey/table.h"

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(Table, AlignsColumnsByCharacters) {
  Table table({"NAME", "ROLES", "END"});
  table.AddRow(
      {"al\xc3\xad"
       "ce",
       "", "x"});
  table.AddRow({"b", "admin", ""});
  EXPECT_EQ(table.Text(),
            "NAME   ROLES  END\n"
            "al\xc3\xad"
            "ce  -      x\n"
            "b      admin  -\n");
}

TEST(Table, ACellCannotForgeALine) {
  Table table({"NAME", "END"});
  table.AddRow({"a\nroot", "x"});
  EXPECT_EQ(table.Text(), "NAME    END\na?root  x\n");
}

TEST(Record, LeavesOutWhatIsEmptyAndCannotBeForged) {
  Record record;
  record.Add("name", "a\x1b[1m");
  record.Add("roles", "");
  record.Add("end", "x");
  EXPECT_EQ(record.Text(), "name  a?[1m\nend   x\n");
}

}  // namespace
}  // namespace latchkey
