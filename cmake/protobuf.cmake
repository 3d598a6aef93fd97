# strom_wire_pb: the classes of src/wire/messages.proto, generated as src/wire/messages.pb.{h,cc} in
# the build tree. Foreign code: no warnings as errors, and -O1, as only rare messages go through it.
set(STROM_PROTO ${CMAKE_SOURCE_DIR}/src/wire/messages.proto)
set(STROM_PROTO_OUT ${CMAKE_BINARY_DIR}/src/wire/messages.pb)
if(EXISTS ${STROM_PROTO})
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/src/wire)
  add_custom_command(
    OUTPUT ${STROM_PROTO_OUT}.h ${STROM_PROTO_OUT}.cc
    COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/src --cpp_out=${CMAKE_BINARY_DIR}/src
            ${STROM_PROTO}
    DEPENDS ${STROM_PROTO} protobuf::protoc
    VERBATIM)
  add_library(strom_wire_pb STATIC ${STROM_PROTO_OUT}.cc ${STROM_PROTO_OUT}.h)
  target_compile_options(strom_wire_pb PRIVATE -w -Wno-error -O1 -g0)
  target_link_libraries(strom_wire_pb PUBLIC protobuf::libprotobuf)
endif()
