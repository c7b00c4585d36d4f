// A library for modules.h to be the precompiled header of; nobody links it.
