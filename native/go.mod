module hostseal

go 1.19
