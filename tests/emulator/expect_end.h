/* What is wrong on a GPU ends the program with a sentence: expect_end runs it in a process of its own, which has to say so. */
#ifndef EXPECT_END_H
#define EXPECT_END_H

#include <sys/wait.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <string>
extern "C" {
#include <cmocka.h>
}

template <typename F> void expect_end(const char *sentence, F f)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        for (int s : {SIGSEGV, SIGABRT}) std::signal(s, SIG_DFL); /* cmocka goes on after them */
        f();
        _exit(0);
    }
    close(ends[1]);
    std::string said;
    char part[512];
    for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;) said.append(part, static_cast<size_t>(n));
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) fail_msg("nothing was found; wanted: %s", sentence);
    if (said.find(sentence) == std::string::npos) fail_msg("wanted: %s\nsaid: %s", sentence, said.c_str());
}

#endif
