// The queues of a real shard. Work travels in nodes so that it is moved into place once and a
// whole batch changes hands with one atomic operation.
#pragma once

#include <atomic>
#include <utility>

#include "runtime/shard.h"

namespace strom::runtime::internal {

struct WorkNode {
  WorkNode* next = nullptr;
  Work work;
};

// First in, first out, of one thread. Owns its nodes.
class WorkQueue {
 public:
  WorkQueue() = default;
  WorkQueue(const WorkQueue&) = delete;
  ~WorkQueue() {
    while (WorkNode* node = Pop())
      delete node;
  }

  bool empty() const { return head_ == nullptr; }
  void Push(WorkNode* node) {
    node->next = nullptr;
    *(head_ == nullptr ? &head_ : &tail_->next) = node;
    tail_ = node;
  }
  // A chain in order, its last node's next being null.
  void PushChain(WorkNode* first) {
    while (first != nullptr)
      Push(std::exchange(first, first->next));
  }
  WorkNode* Pop() {
    WorkNode* node = head_;
    if (node != nullptr) head_ = node->next;
    return node;
  }

 private:
  WorkNode* head_ = nullptr;
  WorkNode* tail_ = nullptr;
};

// Nodes one shard has for another, newest first, until it hands them over in one go.
struct Outbox {
  WorkNode* newest = nullptr;
  WorkNode* oldest = nullptr;

  void Push(WorkNode* node) {
    node->next = newest;
    newest = node;
    if (oldest == nullptr) oldest = node;
  }
};

// Many senders, one receiver, without locks: a stack of nodes, newest first, that the receiver
// takes as a whole and turns round. Order between one sender and the receiver is kept.
class Inbox {
 public:
  Inbox() = default;
  Inbox(const Inbox&) = delete;
  ~Inbox() {
    WorkNode* node = TakeAll();
    while (node != nullptr)
      delete std::exchange(node, node->next);
  }

  // True if it was empty before: then the sender owes the receiver a wake-up.
  bool Push(const Outbox& batch) {
    WorkNode* before = newest_.load(std::memory_order_relaxed);
    do {
      batch.oldest->next = before;
    } while (!newest_.compare_exchange_weak(before, batch.newest));
    return before == nullptr;
  }
  bool empty() const { return newest_.load() == nullptr; }
  // In the order they were sent.
  WorkNode* TakeAll() {
    if (newest_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    WorkNode* from = newest_.exchange(nullptr);
    WorkNode* to = nullptr;
    while (from != nullptr) {
      WorkNode* next = from->next;
      from->next = to;
      to = std::exchange(from, next);
    }
    return to;
  }

 private:
  std::atomic<WorkNode*> newest_{nullptr};
};

}  // namespace strom::runtime::internal
