module github.com/kadmesh/kadmesh

go 1.25.0
