package io.ringside.conformance;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ArgumentsSource;

/**
 * A test that runs once for each {@link Method}, which is its parameter. It has a thread of its own, so that a vCPU that
 * doesn't come back (some emulated KVMs have such cases) fails this test and not the whole run; nothing but that takes
 * so long.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(SkipSummary.class)
@Timeout(value = 240, threadMode = ThreadMode.SEPARATE_THREAD)
@ParameterizedTest(name = "{0}")
@ArgumentsSource(Methods.class)
@interface ForEachMethod {}
