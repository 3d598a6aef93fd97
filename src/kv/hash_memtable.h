// A memtable of RocksDB that is made for point reads and writes: a hash index of its keys. The
// sorted order, which flushes and scans need, is made when somebody asks for it.
//
//   index     open addressing over the newest version of each key; versions of a key are chained
//   unsorted  entries since the last iterator, in the order in which they came
//   runs      sorted arrays that do not change, each at least twice as long as the next one
//
// One thread writes; any number read at the same time, without a lock for point reads. An iterator
// shows what was there when it was made, which is what a database iterator may see of it.
// Keys are compared bytewise, whatever comparator the database has.
#pragma once

#include <memory>

#include <rocksdb/memtablerep.h>

namespace strom::kv {

std::shared_ptr<rocksdb::MemTableRepFactory> MakeHashMemtableFactory();

}  // namespace strom::kv
