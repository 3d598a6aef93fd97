// What Arrow makes of a schema: its columns and their nested fields in pre-order, with the buffers
// of each (spec 02, 3.2 and 7.2). Made once per schema, immutable, safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "format/schema.h"

namespace strom::format {

// How the buffers of a node look.
enum class NodeKind : uint8_t {
  kBoolean,   // validity, one bit a value
  kFixed,     // validity, `width` bytes a value
  kVariable,  // validity, int32 offsets, bytes
  kList,      // validity, int32 offsets; one child. Also a MAP, whose child is the entries struct
  kStruct,    // validity; children of the same length
};

struct ShapeNode {
  NodeKind kind = NodeKind::kFixed;
  uint32_t width = 0;         // kFixed: bytes a value
  int32_t parent = -1;        // position in SchemaShape::nodes; -1: a column
  uint32_t first_buffer = 0;  // position among all buffers of the schema
  uint32_t buffer_count = 0;  // 1, 2 or 3
};

// The nodes and buffers of a column with everything nested in it.
struct ShapeColumn {
  uint32_t first_node = 0;
  uint32_t node_count = 0;
  uint32_t first_buffer = 0;
  uint32_t buffer_count = 0;

  uint32_t end_node() const { return first_node + node_count; }
  uint32_t end_buffer() const { return first_buffer + buffer_count; }
};

struct SchemaShape {
  std::vector<ShapeNode> nodes;  // parents before their children
  std::vector<ShapeColumn> columns;
  uint32_t buffer_count = 0;

  static SchemaShape Make(const Schema& schema);
};

}  // namespace strom::format
