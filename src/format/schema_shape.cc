#include "format/schema_shape.h"

#include "base/check.h"

namespace strom::format {
namespace {

struct Physical {
  NodeKind kind;
  uint32_t width = 0;
};

Physical PhysicalOf(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kBoolean:
      return {NodeKind::kBoolean};
    case TypeRoot::kTinyInt:
      return {NodeKind::kFixed, 1};
    case TypeRoot::kSmallInt:
      return {NodeKind::kFixed, 2};
    case TypeRoot::kInteger:
    case TypeRoot::kFloat:
    case TypeRoot::kDate:
      return {NodeKind::kFixed, 4};
    case TypeRoot::kBigInt:
    case TypeRoot::kDouble:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return {NodeKind::kFixed, 8};
    // Time32 in seconds or milliseconds, Time64 in micro- or nanoseconds.
    case TypeRoot::kTime:
      return {NodeKind::kFixed, type.precision <= 3 ? 4U : 8U};
    case TypeRoot::kDecimal:
      return {NodeKind::kFixed, 16};
    case TypeRoot::kBinary:
      return {NodeKind::kFixed, static_cast<uint32_t>(type.length)};
    case TypeRoot::kChar:
    case TypeRoot::kString:
    case TypeRoot::kBytes:
      return {NodeKind::kVariable};
    case TypeRoot::kArray:
    case TypeRoot::kMap:
      return {NodeKind::kList};
    case TypeRoot::kRow:
      return {NodeKind::kStruct};
  }
  STROM_CHECK(false);
}

uint32_t BuffersOf(NodeKind kind) {
  switch (kind) {
    case NodeKind::kStruct:
      return 1;
    case NodeKind::kBoolean:
    case NodeKind::kFixed:
    case NodeKind::kList:
      return 2;
    case NodeKind::kVariable:
      return 3;
  }
  STROM_CHECK(false);
}

int32_t AddNode(SchemaShape& shape, Physical physical, int32_t parent) {
  ShapeNode node{.kind = physical.kind, .width = physical.width, .parent = parent};
  node.first_buffer = shape.buffer_count;
  node.buffer_count = BuffersOf(physical.kind);
  shape.buffer_count += node.buffer_count;
  shape.nodes.push_back(node);
  return static_cast<int32_t>(shape.nodes.size()) - 1;
}

// Types are at most kMaxTypeDepth deep, so is the recursion.
void AddType(SchemaShape& shape, const DataType& type, int32_t parent) {
  int32_t node = AddNode(shape, PhysicalOf(type), parent);
  // A MAP is a list of entries, each a struct of key and value.
  if (type.root == TypeRoot::kMap) node = AddNode(shape, {NodeKind::kStruct}, node);
  for (const DataType& child : type.children)
    AddType(shape, child, node);
}

}  // namespace

SchemaShape SchemaShape::Make(const Schema& schema) {
  SchemaShape shape;
  shape.columns.reserve(schema.columns.size());
  for (const Column& column : schema.columns) {
    ShapeColumn added{.first_node = static_cast<uint32_t>(shape.nodes.size()),
                      .first_buffer = shape.buffer_count};
    AddType(shape, column.type, -1);
    added.node_count = static_cast<uint32_t>(shape.nodes.size()) - added.first_node;
    added.buffer_count = shape.buffer_count - added.first_buffer;
    shape.columns.push_back(added);
  }
  return shape;
}

}  // namespace strom::format
