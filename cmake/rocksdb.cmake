# RocksDB as `./dev setup` builds it: a static library with its private headers, which a memtable of
# our own needs (src/kv/hash_memtable.cc).
set(ROCKSDB_HOME ${CMAKE_SOURCE_DIR}/.tools/rocksdb)
if(NOT EXISTS ${ROCKSDB_HOME}/librocksdb.a)
  message(FATAL_ERROR "RocksDB is not there: run ./dev setup")
endif()
add_library(rocksdb STATIC IMPORTED GLOBAL)
set_target_properties(rocksdb PROPERTIES IMPORTED_LOCATION ${ROCKSDB_HOME}/librocksdb.a)
target_include_directories(rocksdb SYSTEM INTERFACE ${ROCKSDB_HOME}/src/include ${ROCKSDB_HOME}/src)
target_compile_definitions(rocksdb INTERFACE ROCKSDB_PLATFORM_POSIX ROCKSDB_LIB_IO_POSIX OS_LINUX
                                             NPERF_CONTEXT NIOSTATS_CONTEXT)
target_link_libraries(rocksdb INTERFACE zstd lz4 dl Threads::Threads)
