// Precompiled for the unit tests.
#pragma once
#include "pch.h"

#include <gtest/gtest.h>
