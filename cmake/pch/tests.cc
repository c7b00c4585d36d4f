// A program for tests.h to be the precompiled header of; nobody runs it.
int main() {}
