#include "format/schema_shape.h"

#include "format/vector_values.h"

namespace strom::format {
namespace {

SchemaShape ShapeOf(std::initializer_list<std::string> types) {
  vectors::Json columns = vectors::Json::array();
  for (const std::string& type : types)
    columns.push_back({{"name", "c"}, {"type", type}});
  return SchemaShape::Make(vectors::SchemaOf(columns));
}

TEST(SchemaShapeTest, ScalarsHaveTwoBuffersAndStringsThree) {
  const SchemaShape shape = ShapeOf({"INT", "STRING", "BOOLEAN", "DECIMAL(38, 2)", "BINARY(7)"});
  ASSERT_EQ(shape.nodes.size(), 5U);
  EXPECT_EQ(shape.buffer_count, 11U);
  EXPECT_EQ(shape.columns[1].first_buffer, 2U);
  EXPECT_EQ(shape.columns[1].buffer_count, 3U);
  EXPECT_EQ(shape.columns[2].first_buffer, 5U);
  EXPECT_EQ(shape.nodes[1].kind, NodeKind::kVariable);
  EXPECT_EQ(shape.nodes[2].kind, NodeKind::kBoolean);
  EXPECT_EQ(shape.nodes[3].width, 16U);
  EXPECT_EQ(shape.nodes[4].width, 7U);
}

TEST(SchemaShapeTest, TimesAreAsWideAsTheirArrowUnit) {
  const SchemaShape shape = ShapeOf({"TIME(0)", "TIME(3)", "TIME(4)", "TIME(9)", "TIMESTAMP(0)"});
  std::vector<uint32_t> widths;
  for (const ShapeNode& node : shape.nodes)
    widths.push_back(node.width);
  EXPECT_EQ(widths, (std::vector<uint32_t>{4, 4, 8, 8, 8}));
}

TEST(SchemaShapeTest, NestedFieldsComeInPreOrderAndAMapHasItsEntries) {
  const SchemaShape shape =
      ShapeOf({"ROW<`a` INT, `b` ARRAY<STRING>>", "MAP<STRING NOT NULL, BIGINT>", "INT"});
  std::vector<NodeKind> kinds;
  std::vector<int32_t> parents;
  std::vector<uint32_t> first_buffers;
  for (const ShapeNode& node : shape.nodes) {
    kinds.push_back(node.kind);
    parents.push_back(node.parent);
    first_buffers.push_back(node.first_buffer);
  }
  using enum NodeKind;
  EXPECT_EQ(kinds, (std::vector<NodeKind>{kStruct, kFixed, kList, kVariable, kList, kStruct,
                                          kVariable, kFixed, kFixed}));
  EXPECT_EQ(parents, (std::vector<int32_t>{-1, 0, 0, 2, -1, 4, 5, 5, -1}));
  EXPECT_EQ(first_buffers, (std::vector<uint32_t>{0, 1, 3, 5, 8, 10, 11, 14, 16}));
  ASSERT_EQ(shape.columns.size(), 3U);
  EXPECT_EQ(shape.columns[1].first_node, 4U);
  EXPECT_EQ(shape.columns[1].end_node(), 8U);
  EXPECT_EQ(shape.columns[1].end_buffer(), 16U);
  EXPECT_EQ(shape.buffer_count, 18U);
}

}  // namespace
}  // namespace strom::format
